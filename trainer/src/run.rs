//! The folder of a run, and files that are written whole or not at all.

use crate::budget::{Budget, Limits};
use crate::config::{Config, Gradient, Latent, LikelihoodKind};
use crate::error::Error;
use crate::evaluate::{Evaluation, Side};
use crate::fit;
use crate::model::Vae;
use crate::quantize::Plan;
use crate::readings::Normalization;
use crate::stream::DerivedStream;
use candle_core::Device;
use elbow::format::AlignedImage;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The image that devices read.
pub const IMAGE_FILE: &str = "model.elbow";
/// The parameters in floats.
pub const PARAMETERS_FILE: &str = "model.safetensors";
/// What the integers of the image stand for.
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

/// All that a run that came to its end may have.
const FILES: [&str; 7] = [
    IMAGE_FILE,
    PARAMETERS_FILE,
    PLAN_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    SUMMARY_FILE,
    REPORT_FILE,
];

/// Everything in `config.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The settings.
    pub settings: Config,
    /// What was made of the data.
    pub derived: Derived,
}

/// What a run took from its data; with it the float model can be used again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// The likelihood that was used.
    pub likelihood: LikelihoodKind,
    /// The normalization.
    pub normalization: Normalization,
    /// The latents that carried nothing and were left out of the model, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pruned_latents: Vec<usize>,
    /// Epochs that `trainer tune` trained on for, in the device's integers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tuned_epochs: usize,
    /// What was made of the settings of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<DerivedStream>,
    /// What the networks were sized to, and the image is held to.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The results of a run, as `summary.json` has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// What the model is called.
    pub name: String,
    /// The likelihood that was used.
    pub likelihood: LikelihoodKind,
    /// What training ascended; the scores below are of the bound itself.
    pub objective: String,
    /// Readings that were learned from.
    pub training_readings: usize,
    /// Readings that were chosen and calibrated by.
    pub validation_readings: usize,
    /// Scores of the test readings.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The estimator of the device's numbers.
    pub estimator: String,
    /// Latents that carried nothing and were left out.
    pub pruned_latents: usize,
    /// Flash for the image.
    pub image_bytes: usize,
    /// RAM for the workspace.
    pub workspace_bytes: usize,
    /// Multiply-accumulates to encode a reading.
    pub encoder_macs: usize,
    /// Multiply-accumulates of each decoder pass.
    pub decoder_macs: usize,
    /// Wall-clock time of the training alone.
    pub training_seconds: f64,
    /// Of the image's layout.
    pub format_version: u16,
    /// Of the arithmetic.
    pub numerics_version: u16,
    /// Of this program.
    pub trainer_version: &'static str,
    /// The lowest p-value that a score can have: an alarm below it never fires.
    pub smallest_p_value: Option<f64>,
    /// Where the networks were sized to a budget: its limits, and what a score takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What there is to know of the export, one line each; empty for most runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The results of a run that has no image, as `summary.json` has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FloatSummary {
    /// What the model is called.
    pub name: String,
    /// The likelihood that was used.
    pub likelihood: LikelihoodKind,
    /// What kind of latents.
    pub latent: Latent,
    /// How the gradient was estimated.
    pub gradient: Gradient,
    /// What training ascended; the scores below are of the bounds themselves.
    pub objective: String,
    /// Readings that were learned from.
    pub training_readings: usize,
    /// Readings that were chosen by.
    pub validation_readings: usize,
    /// Test readings that are normal, or of which nobody said.
    pub normal: usize,
    /// Test readings labelled abnormal.
    pub abnormal: usize,
    /// The ELBO, by which the AUC is too.
    pub float: Side,
    /// A bound that is closer to log p(x).
    pub importance_weighted: SampledBound,
    /// Wall-clock time of the training alone.
    pub training_seconds: f64,
    /// Of this program.
    pub trainer_version: &'static str,
}

/// An importance-weighted bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SampledBound {
    /// Of each reading.
    pub samples: usize,
    /// Over normal test readings, nats a reading; none without any.
    pub mean: Option<f64>,
    /// Its standard error over readings; none below two.
    pub standard_error: Option<f64>,
}

/// Multiply-accumulates of the encoder and of one pass of the decoder.
pub fn macs(model: &elbow::Model<'_>) -> (usize, usize) {
    use elbow::LayerRole::{Encoder, Heads};
    let (encoder, decoder): (Vec<_>, Vec<_>) = model
        .layers()
        .partition(|layer| matches!(layer.role, Encoder | Heads));
    let sum = |layers: Vec<elbow::LayerView<'_>>| layers.iter().map(elbow::LayerView::macs).sum();
    (sum(encoder), sum(decoder))
}

/// What becomes of files that are in the folder of a new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They are refused: nothing is lost.
    Refused,
    /// Those of a run are replaced by the new one's when it is done, others stay.
    Replaced,
}

/// Makes sure that `folder` can be written to, or can be made, without making it, and that nothing in it is lost:
/// before data are loaded.
///
/// # Errors
/// [`Error::Setting`] where a file stands where a folder should or the other way round, or where the folder
/// holds something that is not to be replaced, [`Error::File`].
pub fn check_folder(folder: &Path, existing: Existing) -> Result<(), Error> {
    for name in FILES {
        let path = folder.join(name);
        if path.is_dir() {
            let path = path.display();
            return Err(Error::Setting(format!(
                "{path} is a folder where a file is to be written: move it away"
            )));
        }
    }
    if existing == Existing::Refused {
        check_empty(folder)?;
    }
    let existing = folder.ancestors().find(|ancestor| ancestor.exists());
    let existing = existing
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !existing.is_dir() {
        let (folder, existing) = (folder.display(), existing.display());
        return Err(Error::Setting(format!(
            "cannot write to {folder}: {existing} is a file; choose another --out"
        )));
    }
    tempfile::NamedTempFile::new_in(existing)
        .map(drop)
        .map_err(Error::writing(folder))
}

fn check_empty(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    let Some(first) = names.first() else {
        return Ok(());
    };
    let folder = folder.display();
    Err(Error::Setting(if names == [CHECKPOINT_FILE] {
        format!(
            "{folder} holds a training that was interrupted: go on with it by --resume {folder}, choose another --out, or say --force to begin anew"
        )
    } else {
        let more = match names.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "{folder} holds {first}{more}: choose another --out, or say --force to replace the run in it (files of your own stay)"
        )
    }))
}

/// Makes `folder` where it does not exist.
///
/// # Errors
/// [`Error::File`].
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))
}

/// Makes sure that a file can be written at `path`, before any long work.
///
/// # Errors
/// [`Error::File`].
pub fn prepare_file(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Err(Error::Setting(format!(
            "{} is a folder: name a file in it",
            path.display()
        )));
    }
    tempfile::NamedTempFile::new_in(parent(path))
        .map(drop)
        .map_err(Error::writing(path))
}

/// Writes `bytes` beside `path`, then renames: whoever reads `path` sees the old file or the new
/// one, never a part.
///
/// # Errors
/// [`Error::File`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    stage(path, bytes)?
        .persist(path)
        .map(drop)
        .map_err(|error| Error::writing(path)(error.error))
}

/// A file beside `path` that holds `bytes`, on the disk.
fn stage(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Error> {
    let mut file = tempfile::NamedTempFile::new_in(parent(path)).map_err(Error::writing(path))?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(Error::writing(path))?;
    // Temporary files are private; results are for everyone, within the usual mask.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let readable = std::fs::Permissions::from_mode(0o644);
        file.as_file()
            .set_permissions(readable)
            .map_err(Error::writing(path))?;
    }
    Ok(file)
}

/// SHA-256 (FIPS 180-4) of the other files of a run, by name, as `summary.json` has them.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Artefacts {
    #[serde(default)]
    artefacts: BTreeMap<String, String>,
}

/// `summary.json`.
#[derive(Serialize)]
struct Signed<'a, T> {
    #[serde(flatten)]
    summary: &'a T,
    #[serde(flatten)]
    signed: Artefacts,
}

/// SHA-256 of `bytes` in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a run into `folder`, made where it does not exist: `files` by their names, and `summary` with what they
/// hash to. All are written before any takes its place, so that a full disk leaves the old run; then files
/// of an earlier run that the new one does not have go.
///
/// # Errors
/// [`Error::File`], [`Error::Setting`].
pub fn write_folder(
    folder: &Path,
    summary: &impl Serialize,
    files: &[(&str, &[u8])],
) -> Result<(), Error> {
    make_folder(folder)?;
    let digests = files
        .iter()
        .map(|&(name, bytes)| (name.to_owned(), digest(bytes)));
    let signed = Artefacts {
        artefacts: digests.collect(),
    };
    let summary = to_json(&Signed { summary, signed })?;
    let files = files.iter().copied();
    let files: Vec<(&str, &[u8])> = files.chain([(SUMMARY_FILE, summary.as_bytes())]).collect();
    let staged = files.iter().map(|&(name, bytes)| {
        let path = folder.join(name);
        Ok((stage(&path, bytes)?, path))
    });
    let staged = staged.collect::<Result<Vec<_>, Error>>()?;
    for (file, path) in staged {
        file.persist(&path)
            .map_err(|error| Error::writing(&path)(error.error))?;
    }
    let gone = FILES
        .iter()
        .filter(|name| files.iter().all(|(new, _)| new != *name));
    gone.chain([&CHECKPOINT_FILE])
        .try_for_each(|name| remove(&folder.join(name)))
}

/// Writes `bytes` to `path` as [`write()`] does. In the folder of a run, whose file of that name it replaces,
/// `summary.json` then has its hash.
///
/// # Errors
/// [`Error::File`], [`Error::Setting`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write(path, bytes)?;
    let summary = parent(path).join(SUMMARY_FILE);
    let name = path.file_name().map(|name| name.to_string_lossy());
    let text = std::fs::read_to_string(&summary).unwrap_or_default();
    let parsed = serde_json::from_str::<serde_json::Value>(&text);
    let (Ok(mut value), Some(name)) = (parsed, name) else {
        return Ok(());
    };
    if let Some(entry) = value["artefacts"].get_mut(name.as_ref()) {
        *entry = digest(bytes).into();
        write(&summary, to_json(&value)?.as_bytes())?;
    }
    Ok(())
}

/// The contents of `path`, checked by [`check_artefact`].
///
/// # Errors
/// [`Error::File`], [`Error::Setting`].
fn read_artefact(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = std::fs::read(path).map_err(Error::reading(path))?;
    check_artefact(path, &bytes)?;
    Ok(bytes)
}

/// Makes sure that `bytes`, the contents of `path`, are what the `summary.json` beside it says, if it says anything.
///
/// # Errors
/// [`Error::Setting`] where they are not.
fn check_artefact(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let summary = std::fs::read(parent(path).join(SUMMARY_FILE)).unwrap_or_default();
    let signed: Artefacts = serde_json::from_slice(&summary).unwrap_or_default();
    let name = path.file_name().map(|name| name.to_string_lossy());
    let expected = name.and_then(|name| signed.artefacts.get(name.as_ref()));
    let found = digest(bytes);
    match expected {
        Some(expected) if *expected != found => Err(Error::Setting(format!(
            "{} is not the file that its run wrote: {SUMMARY_FILE} says SHA-256 {}, it has {}; restore the file, or train again",
            path.display(),
            beginning(expected),
            beginning(&found),
        ))),
        _ => Ok(()),
    }
}

/// As much of a hash as a person compares.
fn beginning(hash: &str) -> String {
    hash.chars().take(12).chain("...".chars()).collect()
}

/// The text of an artefact.
fn read_text(path: &Path) -> Result<String, Error> {
    String::from_utf8(read_artefact(path)?).map_err(|_| {
        Error::Setting(format!(
            "{} is no text: restore the file, or train again",
            path.display()
        ))
    })
}

/// `value` as JSON for people, with a line break.
///
/// # Errors
/// [`Error::Setting`].
pub fn to_json(value: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|error| Error::Setting(format!("no JSON can be written: {error}")))
}

/// Removes the file `path` where there is one.
///
/// # Errors
/// [`Error::File`].
pub fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::writing(path)(error))
        }
        _ => Ok(()),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
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
/// [`Error::File`], or [`Error::Setting`] where the run has none because of its latents.
pub fn read_image(path: &Path) -> Result<AlignedImage, Error> {
    let file = image_path(path);
    let bytes = std::fs::read(&file).map_err(|cause| {
        let settings = config_beside(path).ok().flatten().map(|run| run.settings);
        match settings {
            Some(settings) if settings.latent == Latent::Bernoulli => Error::Setting(format!(
                "there is no {}: the run has --latent bernoulli, and devices run Gaussian latents; of such runs there are summary.json and `trainer variance`",
                file.display()
            )),
            _ => Error::reading(&file)(cause),
        }
    })?;
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

/// What the run in `folder` calls its model: read from its results, so that a run whose image is of another version has a
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

/// The settings beside an image, if it lies in the folder of a run.
///
/// # Errors
/// Those of [`read_config`].
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

/// The settings in the file `path`, or in the folder of a run, whether there is anything derived beside them or not.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where they do not parse or make no sense.
pub fn read_settings(path: &Path) -> Result<Config, Error> {
    // Settings are there to be edited.
    let read = |path: &Path| std::fs::read_to_string(path).map_err(Error::reading(path));
    let (path, file): (_, SettingsFile) = parse_config(path, read)?;
    let bad = |error| Error::Setting(format!("{}: {error}", path.display()));
    file.settings.validate().map_err(bad)?;
    if let Some(derived) = &file.derived {
        derived.normalization.validate().map_err(bad)?;
    }
    Ok(file.settings)
}

/// What [`read_settings`] reads.
#[derive(Deserialize)]
struct SettingsFile {
    settings: Config,
    derived: Option<Derived>,
}

/// Everything in the file `path`, or in the folder of a run.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where it does not parse or makes no sense.
pub fn read_config(path: &Path) -> Result<RunConfig, Error> {
    let (path, config): (_, RunConfig) = parse_config(path, read_text)?;
    let bad = |error| Error::Setting(format!("{}: {error}", path.display()));
    config.settings.validate().map_err(bad)?;
    config.derived.normalization.validate().map_err(bad)?;
    Ok(config)
}

/// The file that is meant by `path`, and what is in it.
fn parse_config<T: DeserializeOwned>(
    path: &Path,
    read: impl Fn(&Path) -> Result<String, Error>,
) -> Result<(PathBuf, T), Error> {
    let path = if path.is_dir() {
        path.join(CONFIG_FILE)
    } else {
        path.to_path_buf()
    };
    let text = read(&path)?;
    let config = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            1 + text
                .bytes()
                .take(span.start)
                .filter(|&byte| byte == b'\n')
                .count()
        });
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        let path = path.display();
        Error::Setting(format!(
            "{path}: line {line}: {message}; name a config.toml that `trainer fit` wrote"
        ))
    })?;
    Ok((path, config))
}

/// The plan beside an image.
///
/// # Errors
/// [`Error::File`], or [`Error::Setting`] where it does not parse.
pub fn read_plan(image: &Path) -> Result<Plan, Error> {
    let path = parent(&image_path(image)).join(PLAN_FILE);
    let text = read_text(&path)?;
    toml::from_str(&text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        Error::Setting(format!(
            "{}: {message}; name an image in the folder where `trainer fit` wrote it",
            path.display()
        ))
    })
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
    let Derived {
        likelihood,
        normalization,
        pruned_latents,
        ..
    } = &config.derived;
    let mut settings = config.settings.clone();
    settings.latents = settings.latents.saturating_sub(pruned_latents.len()).max(1);
    let vae = fit::initialize(&settings, *likelihood, normalization, device)?;
    let bytes = read_artefact(&path)?;
    vae.load_safetensors(&bytes).map_err(|error| {
        Error::Setting(format!(
            "{}: {error}; restore the file, or train again",
            path.display()
        ))
    })?;
    Ok((config, vae))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_replaces_whole_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn checking_a_folder_does_not_make_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a").join("b");
        check_folder(&folder, Existing::Refused).unwrap();
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        make_folder(&folder).unwrap();
        check_folder(&folder, Existing::Refused).unwrap();
    }

    #[test]
    fn unwritable_places_are_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let message = check_folder(&file.join("below"), Existing::Refused)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("below") && message.contains("is a file"),
            "{message}"
        );
        std::fs::create_dir(folder.path().join(SUMMARY_FILE)).unwrap();
        let message = check_folder(folder.path(), Existing::Replaced)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains(SUMMARY_FILE) && message.contains("is a folder"),
            "{message}"
        );
        assert!(prepare_file(folder.path()).is_err());
        assert!(prepare_file(&folder.path().join("none").join("file")).is_err());
    }

    #[test]
    fn nothing_in_a_folder_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let refused = || {
            check_folder(folder.path(), Existing::Refused)
                .unwrap_err()
                .to_string()
        };
        check_folder(folder.path(), Existing::Refused).unwrap();
        std::fs::write(folder.path().join(CHECKPOINT_FILE), b"").unwrap();
        assert!(refused().contains("--resume"), "{}", refused());
        std::fs::write(folder.path().join("notes.txt"), b"mine").unwrap();
        assert!(
            refused().contains("checkpoint.safetensors and 1 more"),
            "{}",
            refused()
        );
        check_folder(folder.path(), Existing::Replaced).unwrap();
        let files: [(&str, &[u8]); 2] = [(CONFIG_FILE, b"a"), (METRICS_FILE, b"b")];
        write_folder(folder.path(), &Artefacts::default(), &files).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [CONFIG_FILE, METRICS_FILE, "notes.txt", SUMMARY_FILE]
        );
    }

    #[test]
    fn a_changed_artefact_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PARAMETERS_FILE);
        let files: [(&str, &[u8]); 1] = [(PARAMETERS_FILE, b"weights")];
        write_folder(folder.path(), &serde_json::json!({"name": "a"}), &files).unwrap();
        assert_eq!(read_artefact(&path).unwrap(), b"weights");
        std::fs::write(&path, b"weighty").unwrap();
        let message = read_artefact(&path).unwrap_err().to_string();
        assert!(
            message.contains("SHA-256") && message.contains("train again"),
            "{message}"
        );
        replace(&path, b"new").unwrap();
        assert_eq!(read_artefact(&path).unwrap(), b"new");
        assert_eq!(read_name(folder.path()).unwrap(), "a");
    }
}
