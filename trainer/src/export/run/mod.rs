//! The folder of a run, and files that are written whole or not at all.

mod files;
mod lock;
mod summary;

use crate::readings::Derived;
use crate::readings::RunConfig;
pub use files::{
    Existing, Growing, RunFiles, check_folder, digest, hexadecimal, make_folder, prepare_file,
    remove, to_json, write, write_together,
};
use files::{check_artefact, parent, read_artefact, read_text};
pub use lock::Lock;
pub use summary::Summary;

use crate::config::settings::Said;
use crate::error::Error;
use crate::model::Vae;
use crate::quantize::Plan;
use crate::train::{self, Epoch};
use candle_core::Device;
use elbow::format::AlignedImage;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The image that devices read.
pub const IMAGE_FILE: &str = "model.elbow";
/// The parameters in floats.
pub const PARAMETERS_FILE: &str = "model.safetensors";
/// The plan of the image's integers.
pub const PLAN_FILE: &str = "plan.toml";
/// A training that is not at its end.
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// The settings, and what was derived from the data.
pub const CONFIG_FILE: &str = "config.toml";
/// One line of JSON for each epoch.
pub const METRICS_FILE: &str = "metrics.jsonl";
/// The results.
pub const SUMMARY_FILE: &str = "summary.json";
/// The results to look at.
pub const REPORT_FILE: &str = "report.html";

/// The file that a program locks while it writes the folder. The operating system unlocks it when the program ends, however
/// that ends.
const LOCK_FILE: &str = ".elbow.lock";

/// Files of a run that came to its end.
pub const FILES: [&str; 7] = [
    IMAGE_FILE,
    PARAMETERS_FILE,
    PLAN_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    SUMMARY_FILE,
    REPORT_FILE,
];

/// Multiply-accumulates of the encoder and of one pass of the decoder.
pub fn macs(model: &elbow::Model<'_>) -> (usize, usize) {
    use elbow::LayerRole::{Encoder, Heads};
    let (encoder, decoder): (Vec<_>, Vec<_>) = model
        .layers()
        .partition(|layer| matches!(layer.role, Encoder | Heads));
    let sum =
        |layers: Vec<elbow::LayerView<'_>>| layers.iter().map(|layer| layer.shape.macs()).sum();
    (sum(encoder), sum(decoder))
}

/// The image that `path` names: a file, or the folder of a run.
pub fn image_path(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(IMAGE_FILE)
    } else {
        path.to_path_buf()
    }
}

/// Reads an image to aligned memory.
///
/// # Errors
/// [`Error::File`].
pub fn read_image(path: &Path) -> Result<AlignedImage, Error> {
    let file = image_path(path);
    let bytes = std::fs::read(&file).map_err(Error::reading(&file))?;
    let image = AlignedImage::new(&bytes);
    // One that does not parse says better what is wrong with it.
    if elbow::Model::parse(&image).is_ok() {
        check_artefact(&file, &bytes)?;
    }
    Ok(image)
}

/// Parses an image read from `path`.
///
/// # Errors
/// [`Error::Image`].
pub fn parse<'a>(path: &Path, image: &'a [u8]) -> Result<elbow::Model<'a>, Error> {
    let path = image_path(path);
    elbow::Model::parse(image).map_err(|cause| Error::Image { path, cause })
}

/// Writes `bytes` to `path` as [`write()`] does. In the folder of a run, whose file of that name it replaces,
/// `summary.json` then has its hash.
///
/// # Errors
/// [`Error::File`], [`Error::Setting`] where another program writes the run.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = parent(path);
    let of_summary = folder.join(SUMMARY_FILE);
    let text = std::fs::read_to_string(&of_summary).unwrap_or_default();
    let mut summary = serde_json::from_str(&text).unwrap_or(serde_json::Value::Null);
    let name = path.file_name().map(|name| name.to_string_lossy());
    let artefacts = summary.get_mut("artefacts").zip(name);
    let Some(entry) = artefacts.and_then(|(all, name)| all.get_mut(name.as_ref())) else {
        return write(path, bytes);
    };
    let _lock = Lock::take(folder)?;
    *entry = digest(bytes).into();
    let summary = to_json(&summary)?;
    let files = [(path, bytes), (&of_summary, summary.as_bytes())];
    write_together(files.into_iter())
}

/// The name of the model of the run in `folder`: read from its results, so that a run whose image is of another version has a
/// name too.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where they do not parse.
pub fn read_name(folder: &Path) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let path = parent(&image_path(folder)).join(SUMMARY_FILE);
    let text = std::fs::read_to_string(&path).map_err(Error::reading(&path))?;
    let named: Result<Named, _> = serde_json::from_str(&text);
    let named = named.map_err(|error| {
        Error::Setting(format!(
            "{}: {error}; name the folder of a run that `trainer fit` wrote",
            path.display()
        ))
    })?;
    Ok(named.name)
}

/// Readings a second in the data of the run in `folder`; none where nobody knows.
pub fn read_rate(folder: &Path) -> Option<f64> {
    #[derive(Deserialize)]
    struct Rated {
        rate: Option<f64>,
    }
    let path = parent(&image_path(folder)).join(SUMMARY_FILE);
    let text = std::fs::read_to_string(path).ok()?;
    serde_json::from_str::<Rated>(&text).ok()?.rate
}

/// The metrics of each epoch of the run in `folder`.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where they do not parse.
pub fn read_history(folder: &Path) -> Result<Vec<Epoch>, Error> {
    let path = parent(&image_path(folder)).join(METRICS_FILE);
    let text = std::fs::read_to_string(&path).map_err(Error::reading(&path))?;
    let epochs = text.lines().enumerate().map(|(at, line)| {
        serde_json::from_str(line).map_err(|error| {
            Error::Setting(format!(
                "{}: line {}: {error}; name the folder of a run that `trainer fit` wrote",
                path.display(),
                at + 1
            ))
        })
    });
    epochs.collect()
}

/// The settings beside an image, if it lies in the folder of a run.
///
/// # Errors
/// The errors of [`read_config`].
pub fn config_beside(image: &Path) -> Result<Option<RunConfig>, Error> {
    let path = parent(&image_path(image)).join(CONFIG_FILE);
    if path.exists() {
        read_config(&path).map(Some)
    } else {
        Ok(None)
    }
}

/// `value` as the files of a run have it.
///
/// # Errors
/// [`Error::Setting`].
pub fn to_toml(value: &impl Serialize) -> Result<String, Error> {
    toml::to_string(value)
        .map_err(|error| Error::Setting(format!("no TOML can be written: {error}")))
}

/// The settings that the file `path` says, or that of the folder of a run, and no others: they are there to be edited.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where they do not parse.
pub fn read_settings(path: &Path) -> Result<Said, Error> {
    let path = config_path(path);
    let text = std::fs::read_to_string(&path).map_err(Error::reading(&path))?;
    let said = Said::of_text(&text, &path.display().to_string())?;
    let OfRun { derived } = parse_toml(&path, &text, "leave [derived] out, or restore it")?;
    if let Some(derived) = derived {
        let valid = derived.normalization.validate();
        valid.map_err(|error| Error::Setting(format!("{}: {error}", path.display())))?;
    }
    Ok(said)
}

/// The part of a run's settings that nobody says.
#[derive(Deserialize)]
struct OfRun {
    derived: Option<Derived>,
}

/// Everything in the file `path`, or in the folder of a run.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where it does not parse or makes no sense.
pub fn read_config(path: &Path) -> Result<RunConfig, Error> {
    let path = config_path(path);
    parse_config(&path, &read_text(&path)?)
}

/// Everything in `text`, the settings of a run as [`to_toml`] writes them; errors name `path`.
///
/// # Errors
/// [`Error::Setting`] where it does not parse or makes no sense.
pub fn parse_config(path: &Path, text: &str) -> Result<RunConfig, Error> {
    let remedy = "name a config.toml that `trainer fit` wrote";
    let config: RunConfig = parse_toml(path, text, remedy)?;
    let bad = |error| Error::Setting(format!("{}: {error}", path.display()));
    config.settings.validate().map_err(bad)?;
    config.derived.normalization.validate().map_err(bad)?;
    Ok(config)
}

/// The file that is meant by `path`: itself, or the one in the folder of a run.
fn config_path(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(CONFIG_FILE)
    } else {
        path.to_path_buf()
    }
}

/// What `text`, the contents of `path`, says as TOML.
pub(super) fn parse_toml<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    remedy: &str,
) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.bytes().take(start);
        let line = 1 + before.filter(|&byte| byte == b'\n').count();
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        let path = path.display();
        Error::Setting(format!("{path}: line {line}: {message}; {remedy}"))
    })
}

/// The plan beside an image.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where it does not parse.
pub fn read_plan(image: &Path) -> Result<Plan, Error> {
    let path = parent(&image_path(image)).join(PLAN_FILE);
    let remedy = "name an image in the folder where `trainer fit` wrote it";
    parse_toml(&path, &read_text(&path)?, remedy)
}

/// A model with random weights, without the latents that the run left out.
///
/// # Errors
/// [`Error::Tensor`].
pub fn initialize(config: &RunConfig, device: &Device) -> Result<Vae, Error> {
    let Derived {
        likelihood,
        normalization,
        pruned_latents,
        ..
    } = &config.derived;
    let mut settings = config.settings.clone();
    let latents = &mut settings.model.latents;
    *latents = latents.saturating_sub(pruned_latents.len()).max(1);
    train::initialize(&settings, likelihood, normalization, device)
}

/// The float model beside an image.
///
/// # Errors
/// [`Error::Setting`] where the image does not lie in the folder of a run.
pub fn read_vae(image: &Path, device: &Device) -> Result<(RunConfig, Vae), Error> {
    let folder = parent(&image_path(image)).to_path_buf();
    let path = folder.join(PARAMETERS_FILE);
    let missing = || {
        Error::Setting(format!(
            "there is no {CONFIG_FILE} or {PARAMETERS_FILE} in {}: the float model is needed here; name an image in the folder where `trainer fit` wrote it",
            folder.display()
        ))
    };
    let config = config_beside(image)?
        .filter(|_| path.exists())
        .ok_or_else(missing)?;
    let vae = initialize(&config, device)?;
    let bytes = read_artefact(&path)?;
    vae.load_safetensors(&bytes).map_err(|error| {
        Error::Setting(format!(
            "{}: {error}; restore the file, or train again",
            path.display()
        ))
    })?;
    Ok((config, vae))
}
