//! Examples of each command.

/// Commands, each with a line to type, and what that does.
pub(super) const EXAMPLES: [(&str, &str, &str); 66] = [
    (
        "init",
        "trainer init pump.csv",
        "Look at a file, and write elbow.toml with all settings",
    ),
    (
        "init",
        "trainer init pump.csv --label fault --out pump.toml",
        "The same where the column fault says which rows are anomalous",
    ),
    (
        "fit",
        "trainer fit pump.csv",
        "Train on a file; the run is in runs/pump",
    ),
    (
        "fit",
        "trainer fit --config elbow.toml --set train.epochs=50 --latents 4",
        "Take settings from a file, and change two",
    ),
    (
        "fit",
        "trainer fit --config runs/pump --out runs/again",
        "Train as another run did, to the same bytes",
    ),
    (
        "fit",
        "trainer fit hum.wav --window 512 --features rms,bands:16",
        "Train on windows of a signal",
    ),
    (
        "fit",
        "trainer fit pump.csv --flash 64K --ram 8K --core m0",
        "Size the networks to a device",
    ),
    (
        "fit",
        "trainer fit pump.csv --json | jq .elbo",
        "Follow a training by a program",
    ),
    (
        "look",
        "trainer look pump.csv",
        "Show columns, roles and gaps",
    ),
    (
        "adapt",
        "trainer adapt runs/pump site.csv --reference pump.reference --state site.state",
        "Learn from readings of one installed machine as a device does",
    ),
    ("bench", "trainer bench --threads 1", "Measure one thread"),
    (
        "baseline mixture",
        "trainer baseline mixture pump.csv --components 10",
        "Fit a mixture of ten Gaussians",
    ),
    (
        "baseline ppca",
        "trainer baseline ppca pump.csv",
        "Fit principal components",
    ),
    (
        "baseline forest",
        "trainer baseline forest pump.csv --labels faults.csv",
        "Fit a forest, and judge it by labels",
    ),
    (
        "baseline autoencoder",
        "trainer baseline autoencoder pump.csv",
        "Fit a plain autoencoder",
    ),
    (
        "score",
        "trainer score runs/pump new.csv --out scores.csv",
        "Score a file",
    ),
    (
        "score",
        "trainer score runs/pump 'days/*.csv' --keep device,time --out scores.csv",
        "Score files that may be larger than memory, with columns of theirs beside the scores",
    ),
    (
        "score",
        "cat new.csv | trainer score runs/pump - > scores.csv",
        "Score what a pipe brings",
    ),
    (
        "impute",
        "trainer impute runs/pump gaps.csv --out whole.csv",
        "Fill in empty cells",
    ),
    (
        "eval",
        "trainer eval runs/pump",
        "Compare floats and integers on the test part of the data",
    ),
    (
        "eval",
        "trainer eval runs/pump new.csv --labels new_labels.csv --baselines",
        "Judge a file with labels, baselines beside it",
    ),
    (
        "eval",
        "trainer eval runs/motor faults.csv --events",
        "Count false alarms, events found, and delays",
    ),
    (
        "quantize",
        "trainer quantize runs/pump --weights int4",
        "See what weights of 4 bits cost",
    ),
    (
        "tune",
        "trainer tune runs/pump --weights int4 --out runs/pump4",
        "Train on with weights of 4 bits",
    ),
    (
        "estimators",
        "trainer estimators runs/pump",
        "Compare estimators on the test part",
    ),
    (
        "ladder",
        "trainer ladder runs/pump",
        "Show where the nats go",
    ),
    (
        "variance",
        "trainer variance runs/pump",
        "Compare estimators of the gradient",
    ),
    (
        "inspect",
        "trainer inspect runs/pump",
        "Show layers, flash, RAM and lines for firmware",
    ),
    (
        "verify",
        "trainer verify runs/pump/model.elbow",
        "Check an image before it is shipped",
    ),
    (
        "export",
        "trainer export runs/pump --c --out pump.h",
        "Write C source",
    ),
    (
        "export",
        "trainer export runs/pump --hex --address 0x08040000",
        "Write Intel HEX",
    ),
    ("new", "trainer new", "List the boards"),
    (
        "new",
        "trainer new firmware --board microbit --run runs/pump",
        "Write a program in Rust; cd firmware && cargo run --release builds it and runs it",
    ),
    (
        "new",
        "trainer new firmware --board lm3s6965evb --lang c --run runs/pump",
        "Write a program in C; make -C firmware run builds it and runs it",
    ),
    (
        "board show",
        "trainer board show --port /dev/ttyACM0",
        "Show what a board is, and what runs on it",
    ),
    (
        "board record",
        "trainer board record --port /dev/ttyACM0 --period 0.05 --out log.csv",
        "Record its sensors until Ctrl-C; trainer fit log.csv learns them",
    ),
    (
        "board score",
        "trainer board score --port /dev/ttyACM0 runs/pump new.csv",
        "Compare the board's scores with those of this machine, bit for bit",
    ),
    (
        "board flash-image",
        "trainer board flash-image --port /dev/ttyACM0 runs/pump",
        "Send a new image; the old one is kept until the new one is good",
    ),
    (
        "board roll-back",
        "trainer board roll-back --port /dev/ttyACM0",
        "Go back to the image before",
    ),
    (
        "sample",
        "trainer sample runs/digits --count 5",
        "Draw five readings",
    ),
    (
        "readings",
        "trainer readings runs/pump new.csv --out new.raw",
        "Write raw readings for a device",
    ),
    (
        "samples",
        "trainer samples runs/motor motor.wav --out motor.raw",
        "Write raw samples for a device",
    ),
    (
        "watch",
        "trainer watch runs/motor motor.wav",
        "Watch a recording",
    ),
    (
        "watch",
        "trainer watch runs/motor motor.wav --false-alarms 0.1",
        "Choose the alarm by false alarms in a day",
    ),
    (
        "encode",
        "trainer encode runs/pump new.csv --out new.packets",
        "Write packets of telemetry",
    ),
    (
        "decode",
        "trainer decode runs/pump new.packets",
        "Read packets of telemetry",
    ),
    ("list", "trainer list", "List the runs in runs/"),
    (
        "list",
        "trainer list sweeps/pump --json",
        "List the runs of a sweep, for a program",
    ),
    (
        "compare",
        "trainer compare runs/pump runs/again",
        "Compare two runs",
    ),
    (
        "compare",
        "trainer compare runs/pump runs/again --html --out compared.html",
        "Write a page that compares them",
    ),
    (
        "sweep",
        "trainer sweep elbow.toml --set model.latents=4,8,16 --seeds 3",
        "Train nine runs",
    ),
    (
        "sweep",
        "trainer sweep --resume sweeps/elbow",
        "Go on with a sweep where it stopped",
    ),
    (
        "sweep",
        "trainer sweep elbow.toml --set 'model.encoder=[32],[64,32]' --within flash=64K",
        "Find the best that fits into 64 KiB of flash",
    ),
    (
        "completions",
        "trainer completions bash > ~/.local/share/bash-completion/completions/trainer",
        "Complete commands and options in bash",
    ),
    (
        "completions",
        "trainer completions zsh > ~/.zfunc/_trainer",
        "The same in zsh",
    ),
    (
        "completions",
        "trainer completions fish > ~/.config/fish/completions/trainer.fish",
        "The same in fish",
    ),
    (
        "man",
        "trainer man ~/.local/share/man/man1",
        "Write pages of a manual",
    ),
    (
        "fit",
        "trainer fit pump",
        "Train on a log of a pump that ships with the program",
    ),
    (
        "explain",
        "trainer explain runs/pump",
        "Say why the strangest readings of the test part are strange",
    ),
    (
        "explain",
        "trainer explain runs/pump new.csv --row 17",
        "Explain reading 17 of a file, counted from 0 as score does",
    ),
    (
        "explain",
        "trainer explain runs/pump new.csv --top 20 --out why.csv",
        "Write every column of the 20 strangest readings to a file",
    ),
    (
        "plot",
        "trainer plot runs/pump --what roc --out roc.svg",
        "Draw a chart of the report as a file",
    ),
    (
        "plot",
        "trainer plot runs/motor new.csv --what thresholds --rate 7.8",
        "Draw what thresholds cost in false alarms a day",
    ),
    (
        "look",
        "trainer look pump --out pump.csv",
        "Write the log of the pump that ships with the program to a file",
    ),
    (
        "watch",
        "logger | trainer watch runs/motor - --exit-on-alarm",
        "Watch a pipe line by line, and end with exit code 3 at an alarm",
    ),
    (
        "watch",
        "tail -f pump.csv | trainer watch runs/pump -",
        "Judge single readings as they come",
    ),
];
