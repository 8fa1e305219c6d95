//! `trainer encode` and `trainer decode`.

use crate::fixture::{Fixture, both, column, fixture, image};
use crate::support::program::{Folder, fails_with, succeeds};
use elbow::{Model, Session};

#[test]
fn telemetry_comes_back() {
    let Fixture { normal, run, .. } = fixture();
    let folder = Folder::new();
    let packets = &folder.path("packets");
    let (words, nothing) = both(&["encode", run, normal, "--limit", "300", "--out", packets]);
    assert_eq!(nothing, "");
    // Three bytes of header and three latents.
    assert!(words.starts_with("300 packets of 6.0 bytes a reading; raw readings take 54\n"));
    assert_eq!(words.lines().count(), 1 + 6, "{words}");
    let sent = std::fs::read(packets).unwrap();
    assert_eq!(sent.len(), 1800);
    let lines = succeeds(&["decode", run, packets]);
    let sequences = column(&lines, "sequence");
    assert!(
        sequences
            .iter()
            .enumerate()
            .all(|(at, s)| *s == (at % 256).to_string())
    );
    assert!(column(&lines, "lost").iter().all(|lost| lost == "0"));
    let mut rows = csv::Reader::from_reader(lines.as_bytes());
    assert_eq!(rows.headers().unwrap().len(), 2 + 3 + 27);

    // The decoder's mean at the packet's latents, by hand.
    let image = image(run);
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let packet = &sent[7 * 6..][..6];
    let bits = model.latent_fraction_bits() - u32::from(packet[1]);
    let latents: Vec<i16> = packet[3..]
        .iter()
        .map(|&byte| i16::from(byte as i8) << bits)
        .collect();
    let mut mean = vec![0; 27];
    session.decode(&latents, &mut mean).unwrap();
    let mut rows = csv::Reader::from_reader(lines.as_bytes());
    let names = rows.headers().unwrap().clone();
    assert_eq!(names.get(5), Some("rms:3 of vibration_x"));
    assert_eq!(names.get(31), Some("bands:8, number 8, of current"));
    let row = rows.records().nth(7).unwrap().unwrap();
    for (input, (mean, &exponent)) in mean.iter().zip(model.exponents()).enumerate() {
        let value: f64 = row[5 + input].parse().unwrap();
        let exact = f64::from(*mean) * 2f64.powi(i32::from(exponent) - 16);
        // Written to a tenth of a raw step.
        let most = 0.0501 * 2f64.powi(exponent.into());
        assert!((value - exact).abs() <= most, "{value} for {exact}");
    }

    // Packets 2 to 4 did not arrive.
    let some = [&sent[..12], &sent[30..]].concat();
    let lines = succeeds(&["decode", run, &folder.write("some", some)]);
    assert_eq!(column(&lines, "lost")[..4], ["0", "0", "3", "0"]);
    let out = &folder.path("decoded.csv");
    assert_eq!(succeeds(&["decode", run, packets, "--out", out]), "");
    assert_eq!(std::fs::read_to_string(out).unwrap().lines().count(), 301);
}

// What is refused.

#[test]
fn damaged_packets_are_named_by_their_byte() {
    let Fixture { normal, run, .. } = fixture();
    let folder = Folder::new();
    let packets = &folder.path("packets");
    both(&["encode", run, normal, "--limit", "5", "--out", packets]);
    let good = std::fs::read(packets).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let cases: [(Vec<u8>, &str); 7] = [
        (vec![], "byte 0"),
        (good[..29].to_vec(), "packet at byte 24: the bytes end"),
        (good[..25].to_vec(), "packet at byte 24: the bytes end"),
        (
            with(13, 17),
            "packet at byte 12: the packet's latents have 17 fraction bits",
        ),
        // A packet of bits has 16 there.
        (
            with(13, 16),
            "packet at byte 12: it has 24 bits, the model has 3 latents",
        ),
        (
            with(14, 2),
            "packet at byte 12: it has 2 latents, the model has 3",
        ),
        (with(14, 200), "packet at byte 12: "),
    ];
    let kept = folder.write("kept", "before");
    for (bytes, words) in cases {
        let damaged = folder.write("damaged", bytes);
        fails_with(
            &["decode", run, &damaged, "--out", &kept],
            &["damaged: ", words],
        );
    }
    fails_with(
        &["decode", run, &folder.path("none")],
        &["cannot read", "none"],
    );
    assert_eq!(std::fs::read(kept).unwrap(), b"before");
}
