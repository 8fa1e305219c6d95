//! Files of a run: written whole or not at all, and checked when they are read.

use super::{CHECKPOINT_FILE, CONFIG_FILE, FILES, LOCK_FILE, SUMMARY_FILE};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the names of files begin and end that are to take another name once they are whole.
const TEMPORARY: (&str, &str) = (".elbow-", ".tmp");

/// A new file in `folder` that goes, unless it takes another name.
fn temporary_in(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let (start, end) = TEMPORARY;
    let mut builder = tempfile::Builder::new();
    let file = builder.prefix(start).suffix(end).tempfile_in(folder);
    file.map_err(|error| {
        let said = error.to_string();
        // Behind it stands the name of the temporary file.
        let reason = said.split(" at path ").next().unwrap_or_default();
        std::io::Error::new(error.kind(), reason)
    })
}

/// Whether a file that is called `name` is one that was to take another name, and is not needed.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

/// Treatment of files that are in the folder of a new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They are refused: nothing is lost.
    Refused,
    /// Files of a run are replaced by the new one's when it is done, others stay.
    Replaced,
    /// They are of the run that is gone on with.
    Continued,
}

impl Existing {
    /// They are replaced only by force.
    pub fn by_force(force: bool) -> Self {
        if force { Self::Replaced } else { Self::Refused }
    }
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
    match existing {
        Existing::Refused => check_empty(folder)?,
        Existing::Replaced => check_written(folder)?,
        Existing::Continued => (),
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
    temporary_in(existing)
        .map(drop)
        .map_err(Error::writing(folder))
}

/// Makes sure that files of `folder` that are called as those of a run were written by one.
fn check_written(folder: &Path) -> Result<(), Error> {
    let signed = signed(folder).artefacts;
    // A run that is written has it until all is there.
    if !signed.is_empty() || folder.join(CHECKPOINT_FILE).exists() {
        return Ok(());
    }
    let own = FILES.iter().map(|name| folder.join(name));
    match own.into_iter().find(|path| path.exists()) {
        None => Ok(()),
        Some(path) => Err(Error::Setting(format!(
            "{} is of no run and would be replaced: move it away, or choose another --out",
            path.display()
        ))),
    }
}

/// What the `summary.json` of `folder` says of the other files; nothing where there is none.
fn signed(folder: &Path) -> Artefacts {
    let summary = std::fs::read(folder.join(SUMMARY_FILE)).unwrap_or_default();
    serde_json::from_slice(&summary).unwrap_or_default()
}

fn check_empty(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name != LOCK_FILE && !is_temporary(name))
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
    temporary_in(parent(path))
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

/// Writes files that belong together: all are on the disk before any takes its place, so that a full disk leaves those
/// that were there.
///
/// # Errors
/// [`Error::File`].
pub fn write_together<'a>(files: impl Iterator<Item = (&'a Path, &'a [u8])>) -> Result<(), Error> {
    let staged = files.map(|(path, bytes)| Ok((stage(path, bytes)?, path)));
    for (file, path) in staged.collect::<Result<Vec<_>, Error>>()? {
        file.persist(path)
            .map_err(|error| Error::writing(path)(error.error))?;
    }
    Ok(())
}

/// A file that grows under another name and has its own once it is whole: whoever reads it sees the old file or the new
/// one. It is gone where it is dropped before.
#[derive(Debug)]
pub struct Growing {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Growing {
    /// An empty file that is to be `path`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn new(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            file: temporary_in(parent(path)).map_err(Error::writing(path))?,
            path: path.to_path_buf(),
        })
    }

    /// The file, to write to.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn open(&self) -> Result<std::fs::File, Error> {
        let file = self.file.as_file().try_clone();
        file.map_err(Error::writing(&self.path))
    }

    /// Puts what was written in its place.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn finish(self) -> Result<(), Error> {
        let Self { file, path } = self;
        let file = settled(file, &path)?;
        file.persist(&path)
            .map(drop)
            .map_err(|error| Error::writing(&path)(error.error))
    }
}

/// A file beside `path` that holds `bytes`, on the disk.
fn stage(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Error> {
    let mut file = temporary_in(parent(path)).map_err(Error::writing(path))?;
    file.write_all(bytes).map_err(Error::writing(path))?;
    settled(file, path)
}

/// `file` on the disk, to be `path`.
fn settled(file: tempfile::NamedTempFile, path: &Path) -> Result<tempfile::NamedTempFile, Error> {
    file.as_file().sync_all().map_err(Error::writing(path))?;
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
pub fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// `bytes` in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a run that came to its end, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFiles(Vec<(&'static str, Vec<u8>)>);

impl RunFiles {
    /// `files` by their names, some of [`FILES`], and `summary` with what they hash to.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn new(
        summary: &impl Serialize,
        mut files: Vec<(&'static str, Vec<u8>)>,
    ) -> Result<Self, Error> {
        let digests = files.iter();
        let digests = digests.map(|(name, bytes)| ((*name).to_owned(), digest(bytes)));
        let signed = Artefacts {
            artefacts: digests.collect(),
        };
        let summary = to_json(&Signed { summary, signed })?;
        files.push((SUMMARY_FILE, summary.into_bytes()));
        Ok(Self(files))
    }

    /// The files of the run in `folder`, each checked against its summary.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Setting`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let names = FILES.into_iter();
        let names = names.filter(|&name| name == CONFIG_FILE || folder.join(name).exists());
        let files = names.map(|name| Ok((name, read_artefact(&folder.join(name))?)));
        files.collect::<Result<_, Error>>().map(Self)
    }

    /// Files of a run by their names, as [`RunFiles::iter`] had them.
    ///
    /// # Errors
    /// [`Error::Setting`] where a run has no file with that name.
    pub fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, Error> {
        let own = |(name, bytes): (String, Vec<u8>)| {
            let own = FILES.into_iter().find(|own| **own == name);
            own.map(|own| (own, bytes)).ok_or_else(|| {
                Error::Setting(format!(
                    "{name} is no file of a run: it has {}",
                    FILES.join(", ")
                ))
            })
        };
        let files = files.into_iter().map(own);
        files.collect::<Result<_, Error>>().map(Self)
    }

    /// The files by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (*name, bytes.as_slice()))
    }

    /// Writes them into `folder`, made where it does not exist. All are written before any takes its place, so that a full
    /// disk leaves the old run; then files of an earlier run that the new one does not have go.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        make_folder(folder)?;
        let paths: Vec<_> = self.iter().map(|(name, _)| folder.join(name)).collect();
        let contents = self.iter().map(|(_, bytes)| bytes);
        write_together(paths.iter().map(PathBuf::as_path).zip(contents))?;
        let gone = FILES.iter();
        let gone = gone.filter(|name| self.iter().all(|(new, _)| new != **name));
        gone.chain([&CHECKPOINT_FILE])
            .try_for_each(|name| remove(&folder.join(name)))
    }
}

/// The contents of `path`, checked by [`check_artefact`].
///
/// # Errors
/// [`Error::File`], [`Error::Setting`].
pub(super) fn read_artefact(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = std::fs::read(path).map_err(Error::reading(path))?;
    check_artefact(path, &bytes)?;
    Ok(bytes)
}

/// Makes sure that `bytes`, the contents of `path`, are what the `summary.json` beside it says, if it says anything.
///
/// # Errors
/// [`Error::Setting`] where they are not.
pub(super) fn check_artefact(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let signed = signed(parent(path));
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

/// The part of a hash that a person compares.
fn beginning(hash: &str) -> String {
    hash.chars().take(12).chain("...".chars()).collect()
}

/// The text of an artefact.
pub(super) fn read_text(path: &Path) -> Result<String, Error> {
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

pub(super) fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::super::{METRICS_FILE, PARAMETERS_FILE, read_name};
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
        let line = prepare_file(&folder.path().join("none").join("file")).unwrap_err();
        let line = line.to_string();
        assert!(line.contains("none") && !line.contains("at path"), "{line}");
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
        remove(&folder.path().join(CHECKPOINT_FILE)).unwrap();
        std::fs::write(folder.path().join(CONFIG_FILE), b"mine").unwrap();
        let own = check_folder(folder.path(), Existing::Replaced);
        let line = own.unwrap_err().to_string();
        assert!(line.contains("config.toml is of no run"), "{line}");
        let files = vec![(CONFIG_FILE, b"a".to_vec()), (METRICS_FILE, b"b".to_vec())];
        let files = RunFiles::new(&serde_json::json!({"name": "a"}), files).unwrap();
        files.write(folder.path()).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [CONFIG_FILE, METRICS_FILE, "notes.txt", SUMMARY_FILE]
        );
        check_folder(folder.path(), Existing::Replaced).unwrap();
        assert_eq!(RunFiles::read(folder.path()).unwrap().0.len(), 3);
        let again = RunFiles::of(
            files
                .iter()
                .map(|(name, bytes)| (name.into(), bytes.into())),
        );
        assert_eq!(again.unwrap(), files);
        let foreign = RunFiles::of([("notes.txt".into(), vec![])]).unwrap_err();
        assert!(
            foreign
                .to_string()
                .contains("notes.txt is no file of a run")
        );
    }

    #[test]
    fn a_changed_artefact_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PARAMETERS_FILE);
        let files = vec![(PARAMETERS_FILE, b"weights".to_vec())];
        let files = RunFiles::new(&serde_json::json!({"name": "a"}), files).unwrap();
        files.write(folder.path()).unwrap();
        assert_eq!(read_artefact(&path).unwrap(), b"weights");
        std::fs::write(&path, b"weighty").unwrap();
        let message = read_artefact(&path).unwrap_err().to_string();
        assert!(
            message.contains("SHA-256") && message.contains("train again"),
            "{message}"
        );
        super::super::replace(&path, b"new").unwrap();
        assert_eq!(read_artefact(&path).unwrap(), b"new");
        assert_eq!(read_name(folder.path()).unwrap(), "a");
    }
}
