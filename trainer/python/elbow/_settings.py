"""Parameters by the names of the trainer's settings; written by tools/settings.py."""

from sklearn.base import BaseEstimator

#: The parameters that are settings, and the settings.
PATHS = {
    "label": "data.label",
    "normal": "data.normal",
    "time": "data.time",
    "group": "data.group",
    "ignore": "data.ignore",
    "reading": "data.reading",
    "condition": "data.condition",
    "kind": "data.kind",
    "sentinels": "data.sentinels",
    "strict": "data.strict",
    "binarize": "data.binarize",
    "conditions": "data.conditions",
    "validation_fraction": "data.validation_fraction",
    "test_fraction": "data.test_fraction",
    "window": "data.stream.window",
    "hop": "data.stream.hop",
    "features": "data.stream.features",
    "likelihood": "model.likelihood",
    "prior": "model.prior",
    "encoder": "model.encoder",
    "latents": "model.latents",
    "latent": "model.latent",
    "decoder": "model.decoder",
    "epochs": "train.epochs",
    "batch": "train.batch",
    "patience": "train.patience",
    "least_gain": "train.least_gain",
    "rate_warm_up": "train.rate_warm_up",
    "clip": "train.clip",
    "missing": "train.missing",
    "inference": "train.inference",
    "threads": "train.threads",
    "device": "train.device",
    "seed": "train.seed",
    "schedule": "train.schedule",
    "learning_rate": "train.learning_rate",
    "importance_samples": "train.importance_samples",
    "gradient": "train.gradient",
    "qat": "train.qat",
    "form": "train.objective.form",
    "beta": "train.objective.beta",
    "kl_warm_up": "train.objective.kl_warm_up",
    "free_bits": "train.objective.free_bits",
    "keep_dead_latents": "export.keep_dead_latents",
    "core": "export.core",
    "calibration": "export.calibration",
    "weights": "export.weights",
    "activations": "export.activations",
    "judged_by": "export.judged_by",
    "folds": "export.folds",
    "rate": "export.rate",
    "flash": "limits.flash",
    "ram": "limits.ram",
    "instructions": "limits.instructions",
}


class Settings(BaseEstimator):
    """Parameters of a detector; None is the trainer's default."""

    PARAMETERS = """Parameters
    ----------
    false_alarm_rate : float, default 0.05
        The share of normal rows that `predict` may call outliers.
    estimator : str, optional
        The estimator of the bound: `sigma-points`, `posterior-mean`, `monte-carlo:K`, `importance-weighted:K` or, of
        up to 12 bits, `enumeration`; by default the one that suits the model best.
    name : str, default "detector"
        The name of the model in its image.
    verbose : bool, default False
        Say how training goes: on standard error, or by a bar in a notebook.
    label : column, optional
        The column of labels, by its name or number. Nothing is learned from anomalous rows.
    normal : labels, optional
        Labels of normal rows, separated by commas [default: 0, or what is usually called normal, or the most frequent
        label].
    time : columns, optional
        Columns of times, separated by commas: rows are divided in time.
    group : column, optional
        A column that says where rows are from: no group is divided.
    ignore : columns, optional
        Columns that are left out, separated by commas; * stands for any characters.
    reading : columns, optional
        Columns that are readings whatever they look like, separated by commas.
    condition : columns, optional
        Columns that are conditions (speed, load, temperature), separated by commas: given, not modelled.
    kind : column=kind, optional
        Kinds of columns, as NAME=KIND, separated by commas: normal, laplace, student, flag, count or state (one of a
        few values); * stands for any characters of a name.
    sentinels : numbers, optional
        Numbers that loggers write where they have no value, separated by commas, or none [default: those that stand
        off from all others, such as -200 or -999].
    strict : strict, default false
        Refuse what would have to be assumed of the data.
    binarize : way, optional
        Make bits of pixels (whole numbers from 0 to 255, or probabilities): dynamic (drawn anew in each epoch),
        static (drawn once) or threshold (above a half).
    conditions : n, default 0
        The last N columns are conditions (speed, load, temperature): given, not modelled, so that the same reading
        can be normal under one and anomalous under another.
    validation_fraction : fraction, default 0.15
        The part of normal readings for early stopping and calibration.
    test_fraction : fraction, default 0.15
        The part of normal readings that only the evaluation sees.
    window : n, optional
        Train on windows of N samples of a stream [default: 256 of a WAV file, with the features rms,bands:16]. Normal
        windows are divided by time: training, then validation, then test, without a sample in two parts.
    hop : n, optional
        Samples from one window to the next [default: half a window].
    features : list, optional
        Features that make a reading of each channel's window, separated by commas: samples, centered (the mean taken
        off), mean, rms, mean:F or rms:F with F fraction bits (by default those that leave a factor of four above the
        largest), bands:K (log energies of K bands) [default: centered].
    likelihood : likelihood, default "auto"
        Likelihood p(x|z): auto (for each column what it obviously is; --kind says otherwise), bernoulli, binomial:N,
        student, gaussian or laplace; the last two also with :shared (one scale for all inputs) or :predicted (the
        decoder gives the scales).
    prior : prior, default "standard"
        Prior p(z): standard, mixture:N (of Gaussians, learned), vamp:N (of the posteriors of learned pseudo-inputs);
        of bits standard (fair coins) or factorized (learned chances).
    encoder : widths, default [64]
        Hidden widths of the encoder, separated by commas (from 1 to 16384).
    latents : n, default 8
        Numbers in a latent vector (from 1 to 1024).
    latent : {"gaussian", "bernoulli"}, default "gaussian"
        The kind of latents.
    decoder : widths, default [64]
        Hidden widths of the decoder, separated by commas (from 1 to 16384).
    epochs : n, default 400
        Passes over the training readings, at most: `--patience` ends them (from 1 to 1000000).
    batch : n, default 64
        Readings in a step of the optimizer (from 1 to 1000000).
    patience : epochs, optional
        Epochs that the held-out bound is given to rise by --least-gain before training ends; 0 trains all epochs
        [default: a third of the epochs so far with --schedule averaged; 10 before each halving with plateau; else 0].
    least_gain : nats, default 0.015
        Rise of the held-out bound that is worth to train on for (from 0 to 1000000).
    rate_warm_up : epochs, default 0
        The first epochs, over which the step size rises: for wide networks, whose units large first steps may leave
        dead.
    clip : limit, default "none"
        Limit of the gradient of all parameters in a step: none, norm:X (scaled to the norm X where it is larger) or
        value:X (each number to at most X in size).
    missing : rate, default 0.0
        Hide this fraction of the inputs of each training reading, at random and anew each time, so that the model can
        score and fill in readings with gaps (from 0 to below 1).
    inference : {"amortized", "svi"}, default "amortized"
        Way to find the posteriors of training readings.
    threads : n, default 2
        Threads that train; the last bits of the artefact depend on their number (from 1 to 256).
    device : {"cpu", "cuda", "metal"}, default "cpu"
        The processor that trains.
    seed : seed, default 0
        Seed of all random draws; one seed gives one artefact.
    schedule : {"averaged", "cosine", "plateau", "constant"}, default "averaged"
        Course of the step size [default: averaged; cosine for fewer than 100 epochs, for --latent bernoulli and for
        --inference svi].
    learning_rate : rate, default 0.005
        Adam's step size in the first epoch [default: 0.005 for --schedule averaged, 0.002 for cosine and plateau,
        0.001 for constant] (above 0 and up to 1).
    importance_samples : k, default 1
        Samples of a reading in training. With more than one, gradients through the samples and vimco ascend the
        importance-weighted bound [default: 1; 5 with --missing or where --gradient compares samples, 4 of disarm]
        (from 1 to 1000).
    gradient : {"reparameterized", "sticking-the-landing", "doubly-reparameterized", "score", "moving-average", "leave-one-out", "learned", "vimco", "disarm"}, default "reparameterized"
        Estimator of the gradient of the bound [default: reparameterized; leave-one-out for bits].
    qat : qat, default true
        Train the last fifth of the epochs in the device's integers, so that the model learns to live with what
        rounding does to it [default: where the settings allow it].
    form : {"divergence", "entropy"}, default "divergence"
        With one sample: how the ELBO is estimated.
    beta : weight, default 1.0
        The weight of the divergence in what training ascends; the bound that is reported has weight 1 (from 0 to
        1000000).
    kl_warm_up : epochs, default 0
        The first epochs, over which the weight of the divergence rises from 0.
    free_bits : nats, default 0.0
        Nats of each latent's divergence that cost nothing, against posterior collapse (from 0 to 1000000).
    keep_dead_latents : keep_dead_latents, default false
        Leave latents that carry nothing in the model: each costs two decoder passes of sigma points.
    core : {"m0", "m3", "m4", "m7", "m33", "m55"}, default "m4"
        The core to pack the weights for: it scores fastest, all others score the same.
    calibration : way, default "min-max"
        Way to find the ranges of activations: min-max, percentile, percentile:P, or nats (those that bring the
        device's scores closest to those in floats).
    weights : bits, default "int8"
        Bits of the weights: int8, int4 (half of the flash), auto or auto:NATS (4 bits in as many layers as cost so
        few nats).
    activations : {"auto", "i8", "i16"}, default "auto"
        Bits of the inputs and of the activations of hidden layers.
    judged_by : {"joined", "bound"}, default "joined"
        Judges of p-values: joined (the bound, the reconstruction, the distance to typical readings and single
        columns, whichever finds a reading strangest), or bound (alone, and counted: no p-value is below one in the
        readings held out; smaller image, less code).
    folds : n, default 10
        With fewer than 100 readings held out, p-values rest on all, each scored by one of so many more models, which
        has not seen it; 0: on those held out alone.
    rate : hz, optional
        Readings a second, of a stream windows: the report counts false alarms in days [default: as the data say,
        where they do] (above 0).
    flash : bytes, optional
        Size the networks to so much flash on --core: the image, and the runtime's code and tables. Bytes, such as
        65536 or 64K.
    ram : bytes, optional
        Size them to so much RAM: workspace, stack and a reading. Bytes, such as 8K.
    instructions : n, optional
        Size them to so many instructions a score by sigma points, such as 500k; the front end of a stream is not
        counted.
    """

    def __init__(
        self,
        *,
        false_alarm_rate=0.05,
        estimator=None,
        name="detector",
        verbose=False,
        label=None,
        normal=None,
        time=None,
        group=None,
        ignore=None,
        reading=None,
        condition=None,
        kind=None,
        sentinels=None,
        strict=None,
        binarize=None,
        conditions=None,
        validation_fraction=None,
        test_fraction=None,
        window=None,
        hop=None,
        features=None,
        likelihood=None,
        prior=None,
        encoder=None,
        latents=None,
        latent=None,
        decoder=None,
        epochs=None,
        batch=None,
        patience=None,
        least_gain=None,
        rate_warm_up=None,
        clip=None,
        missing=None,
        inference=None,
        threads=None,
        device=None,
        seed=None,
        schedule=None,
        learning_rate=None,
        importance_samples=None,
        gradient=None,
        qat=None,
        form=None,
        beta=None,
        kl_warm_up=None,
        free_bits=None,
        keep_dead_latents=None,
        core=None,
        calibration=None,
        weights=None,
        activations=None,
        judged_by=None,
        folds=None,
        rate=None,
        flash=None,
        ram=None,
        instructions=None,
    ):
        self.false_alarm_rate = false_alarm_rate
        self.estimator = estimator
        self.name = name
        self.verbose = verbose
        self.label = label
        self.normal = normal
        self.time = time
        self.group = group
        self.ignore = ignore
        self.reading = reading
        self.condition = condition
        self.kind = kind
        self.sentinels = sentinels
        self.strict = strict
        self.binarize = binarize
        self.conditions = conditions
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.window = window
        self.hop = hop
        self.features = features
        self.likelihood = likelihood
        self.prior = prior
        self.encoder = encoder
        self.latents = latents
        self.latent = latent
        self.decoder = decoder
        self.epochs = epochs
        self.batch = batch
        self.patience = patience
        self.least_gain = least_gain
        self.rate_warm_up = rate_warm_up
        self.clip = clip
        self.missing = missing
        self.inference = inference
        self.threads = threads
        self.device = device
        self.seed = seed
        self.schedule = schedule
        self.learning_rate = learning_rate
        self.importance_samples = importance_samples
        self.gradient = gradient
        self.qat = qat
        self.form = form
        self.beta = beta
        self.kl_warm_up = kl_warm_up
        self.free_bits = free_bits
        self.keep_dead_latents = keep_dead_latents
        self.core = core
        self.calibration = calibration
        self.weights = weights
        self.activations = activations
        self.judged_by = judged_by
        self.folds = folds
        self.rate = rate
        self.flash = flash
        self.ram = ram
        self.instructions = instructions
