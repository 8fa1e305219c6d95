//! `trainer inspect`.

use crate::cli::output::emit_results;
use crate::config::LikelihoodKind;
use crate::config::name;
use crate::config::unit;
use crate::error::Error;
use crate::export::firmware::dependency;
use crate::export::run;
use crate::quantize::LARGEST_I8;
use crate::study::detection::false_alarms::{self, USUAL_ALARM};
use clap::Args;
use elbow::distribution::{Family, Likelihood, LogVarianceRange, Prior};
use elbow::layer::Packing;
use elbow::signal::Feature;
use elbow::{LayerView, Model, PosteriorKind};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A model image, or the folder of a run
    model: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Description {
    name: String,
    inputs: usize,
    conditions: usize,
    latents: usize,
    prior: String,
    likelihood: String,
    packing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<StreamDescription>,
    latent_fraction_bits: u32,
    /// None of bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_variance_range: Option<(f64, f64)>,
    layers: Vec<Layer>,
    encoder_macs: usize,
    decoder_macs: usize,
    calibrations: Vec<Table>,
    image_bytes: usize,
    workspace_bytes: usize,
    workspace_words: usize,
    format_version: u16,
    numerics_version: u16,
    /// The features of the runtime that the image asks for.
    features: Vec<&'static str>,
    #[serde(skip)]
    dependency: String,
}

/// The front end, and what it costs to watch a stream.
#[derive(Debug, Serialize)]
struct StreamDescription {
    channels: usize,
    window: usize,
    hop: usize,
    /// Samples a second; 0 where they are unknown.
    rate: f64,
    exponents: Vec<i8>,
    features: Vec<FeatureDescription>,
    watch_bytes: usize,
    watch_words: usize,
}

#[derive(Debug, Serialize)]
struct FeatureDescription {
    name: String,
    numbers: usize,
    unit: String,
}

#[derive(Debug, Serialize)]
struct Layer {
    role: String,
    columns: usize,
    rows: usize,
    /// Bits of each weight.
    weight_bits: usize,
    outputs: String,
    smallest_scale: f64,
    largest_scale: f64,
    macs: usize,
    bytes: usize,
}

#[derive(Debug, Serialize)]
struct Table {
    estimator: String,
    /// What is judged.
    of: &'static str,
    knots: usize,
    smallest_counted: f64,
    smallest_p_value: f64,
    /// Readings that were counted.
    readings: usize,
    /// The chance of a false alarm at a p-value of 0.01, at most, with 95 % confidence.
    usual_alarm_at_most: f64,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let image = run::read_image(&arguments.model)?;
    let model = run::parse(&arguments.model, &image)?;
    emit_results(arguments.json, &describe(&model), text)
}

fn likelihood(model: &Model<'_>) -> String {
    match model.likelihood() {
        Likelihood::Binomial(binomial) => format!("binomial:{}", binomial.trials()),
        Likelihood::Location(location) => {
            let family = match location.family() {
                Family::Normal => "gaussian",
                Family::Laplace => "laplace",
            };
            let scale = if location.has_predicted_scale() {
                "the decoder's scales"
            } else {
                "a scale for each input"
            };
            format!("{family}, {scale}")
        }
        Likelihood::Heterogeneous(_) => LikelihoodKind::of(model).to_string(),
    }
}

fn describe(model: &Model<'_>) -> Description {
    let (encoder_macs, decoder_macs) = run::macs(model);
    let log_variance_range = match model.posterior() {
        PosteriorKind::Gaussian {
            log_variance_range: LogVarianceRange { lowest, highest },
        } => Some((f64::from(lowest) / 65536.0, f64::from(highest) / 65536.0)),
        PosteriorKind::Bernoulli => None,
    };
    let table = |table: &elbow::Calibration<'_>| Table {
        estimator: table.estimator().to_string(),
        of: table.judges(),
        knots: table.knots(),
        smallest_counted: table.smallest_counted().to_f64(),
        smallest_p_value: table.smallest_p_value().to_f64(),
        readings: false_alarms::readings(table),
        usual_alarm_at_most: false_alarms::at_most(table, USUAL_ALARM),
    };
    Description {
        name: model.name().to_string(),
        inputs: model.inputs(),
        conditions: model.conditions(),
        latents: model.latents(),
        prior: match model.prior() {
            Prior::Standard => "standard".into(),
            Prior::Mixture(mixture) => format!("mixture:{}", mixture.len()),
            Prior::Bernoulli(_) => "factorized".into(),
        },
        likelihood: likelihood(model),
        packing: match model.packing() {
            Packing::Rows => "rows, for m55",
            Packing::Tiles => "tiles, for m0, m3 and RISC-V",
            Packing::PairedTiles => "paired tiles, for m4, m7 and m33",
        },
        stream: describe_stream(model),
        latent_fraction_bits: model.latent_fraction_bits(),
        log_variance_range,
        layers: model.layers().map(|view| layer(&view)).collect(),
        encoder_macs,
        decoder_macs,
        calibrations: model.calibrations().iter().map(table).collect(),
        image_bytes: model.image_length(),
        workspace_bytes: 8 * model.workspace_words(),
        workspace_words: model.workspace_words(),
        format_version: elbow::format::FORMAT_VERSION,
        numerics_version: elbow::format::NUMERICS_VERSION,
        features: model.features().collect(),
        dependency: dependency(model),
    }
}

fn describe_stream(model: &Model<'_>) -> Option<StreamDescription> {
    let stream = model.stream()?;
    let watch_words = model.watch_words()?;
    let (shape, front_end) = (stream.shape(), &stream.front_end);
    let feature = |&feature: &Feature| FeatureDescription {
        name: name(feature),
        numbers: feature.len(front_end.samples()),
        unit: unit(feature),
    };
    Some(StreamDescription {
        channels: shape.channels,
        window: shape.samples,
        hop: shape.hop,
        rate: f64::from(stream.rate_millihertz) / 1000.0,
        exponents: stream.exponents.to_vec(),
        features: front_end.features().iter().map(feature).collect(),
        watch_bytes: 8 * watch_words,
        watch_words,
    })
}

fn layer(view: &LayerView<'_>) -> Layer {
    let outputs = match view.activation {
        Some((activation, limits)) => {
            let bits = if limits.ceiling > LARGEST_I8 { 16 } else { 8 };
            let zero_point = limits.zero_point;
            format!("i{bits}, {activation:?}, zero point {zero_point}")
        }
        None => "Q16.16".to_string(),
    };
    let scales = view.scale_range();
    Layer {
        role: format!("{:?}", view.role).to_lowercase(),
        columns: view.shape.columns,
        rows: view.shape.rows,
        weight_bits: view.bits.count(),
        outputs,
        smallest_scale: scales.smallest,
        largest_scale: scales.largest,
        macs: view.shape.macs(),
        bytes: view.bytes(),
    }
}

fn stream_text(stream: &StreamDescription) -> String {
    let StreamDescription {
        channels,
        window,
        hop,
        rate,
        watch_bytes,
        watch_words,
        ..
    } = stream;
    let exponents: Vec<String> = stream.exponents.iter().map(|e| format!("2^{e}")).collect();
    let every = match *rate {
        0.0 => hop.to_string(),
        rate => format!("{hop}, {rate} samples a second"),
    };
    let mut text = format!(
        "stream: {channels} channels, windows of {window} samples every {every}; raw samples in steps of {}\n",
        exponents.join(", ")
    );
    for FeatureDescription {
        name,
        numbers,
        unit,
    } in &stream.features
    {
        text += &format!("{name:<12}{numbers:>6} of each channel, in {unit}\n");
    }
    text + &format!("watch: {watch_bytes} bytes of workspace, Workspace::<{watch_words}>\n\n")
}

fn text(description: &Description) -> String {
    let stream = description.stream.as_ref().map(stream_text);
    [
        head(description),
        stream.unwrap_or_default(),
        layers(&description.layers),
        costs(description),
        to_type(description),
    ]
    .concat()
}

fn head(description: &Description) -> String {
    let Description {
        name,
        inputs,
        conditions,
        latents,
        prior,
        likelihood,
        packing,
        latent_fraction_bits: bits,
        log_variance_range,
        ..
    } = description;
    let posterior = match log_variance_range {
        Some((low, high)) => {
            format!("i16 with {bits} fraction bits, log-variances in [{low:.2}, {high:.2}]")
        }
        None => "bits".into(),
    };
    let given = match conditions {
        0 => String::new(),
        count => format!(", {count} conditions behind them"),
    };
    format!(
        "{name}: {inputs} inputs{given}, {latents} latents, prior {prior}, likelihood {likelihood}; weights in {packing}\nlatents {posterior}\n\n"
    )
}

fn layers(layers: &[Layer]) -> String {
    let head = format!(
        "{:<9}{:>12}{:>9}{:>9}{:>9}   {:<30}scale of outputs\n",
        "layer", "shape", "weights", "MACs", "bytes", "outputs"
    );
    let lines = layers.iter().map(|layer| {
        let shape = format!("{}x{}", layer.columns, layer.rows);
        let weights = format!("i{}", layer.weight_bits);
        let Layer {
            role,
            macs,
            bytes,
            outputs,
            smallest_scale,
            largest_scale,
            ..
        } = layer;
        format!(
            "{role:<9}{shape:>12}{weights:>9}{macs:>9}{bytes:>9}   {outputs:<30}{smallest_scale:.3e} to {largest_scale:.3e}\n"
        )
    });
    head + &lines.collect::<String>()
}

fn costs(description: &Description) -> String {
    let Description {
        encoder_macs,
        decoder_macs,
        image_bytes,
        workspace_bytes,
        workspace_words,
        format_version,
        numerics_version,
        ..
    } = description;
    let tables = description.calibrations.iter().map(|table| {
        format!(
            "p-values for {}, of {}: {} knots, counted down to {:.5}, {}\n",
            table.estimator,
            table.of,
            table.knots,
            table.smallest_counted,
            if table.smallest_p_value < table.smallest_counted {
                "extrapolated below"
            } else {
                "an alarm below it never fires"
            }
        )
    });
    // P-values are judged by the last tables, joined ones where there are any; all are of the same readings.
    let trust = description.calibrations.last().map_or_else(String::new, |table| {
        format!(
            "an alarm at p <= {USUAL_ALARM} is false for at most {:.2} % of normal readings, with 95 % confidence: {} calibrate\n",
            100.0 * table.usual_alarm_at_most,
            table.readings
        )
    });
    format!(
        "\nMACs: {encoder_macs} to encode, {decoder_macs} for each decoder pass\n{}{trust}flash: {image_bytes} bytes of image; RAM: {workspace_bytes} bytes of workspace, Workspace::<{workspace_words}>\nformat {format_version}, numerics {numerics_version}\n",
        tables.collect::<String>()
    )
}

/// Lines that a firmware with the model needs.
fn to_type(description: &Description) -> String {
    let stream = description.stream.as_ref();
    let words = stream.map_or(description.workspace_words, |stream| stream.watch_words);
    format!(
        "\nfor Cargo.toml: {}\nfor main.rs:    let mut workspace = Workspace::<{words}>::new();\n",
        description.dependency,
    )
}
