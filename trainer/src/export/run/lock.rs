//! A folder that one program alone writes.

use super::LOCK_FILE;
use super::files::{is_temporary, make_folder, remove};
use crate::error::Error;
use fs4::{FileExt, TryLockError};
use same_file::Handle;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The right to write a folder, which no other program has at the same time. It ends when this is dropped.
#[derive(Debug)]
pub struct Lock {
    folder: PathBuf,
    file: File,
    /// Folders that were made for it, the innermost first. Those that are empty in the end go.
    made: Vec<PathBuf>,
}

impl Lock {
    /// Makes `folder` where it does not exist, and takes the right to write it. Temporary files that a program left that was
    /// killed go.
    ///
    /// # Errors
    /// [`Error::Setting`] where another program has the right, [`Error::File`].
    pub fn take(folder: &Path) -> Result<Self, Error> {
        let missing = folder.ancestors().take_while(|path| !path.exists());
        let made = missing.map(Path::to_path_buf).collect();
        make_folder(folder)?;
        let lock = Self {
            file: locked(folder)?,
            folder: folder.to_path_buf(),
            made,
        };
        lock.sweep()?;
        Ok(lock)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the right again where the folder was removed meanwhile.
    ///
    /// # Errors
    /// The errors of [`Lock::take`].
    pub fn renew(&mut self) -> Result<(), Error> {
        if !is_at(&self.file, &self.folder.join(LOCK_FILE)) {
            make_folder(&self.folder)?;
            self.file = locked(&self.folder)?;
        }
        Ok(())
    }

    /// Removes temporary files.
    fn sweep(&self) -> Result<(), Error> {
        let entries = std::fs::read_dir(&self.folder).map_err(Error::reading(&self.folder))?;
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
        names
            .filter(|name| is_temporary(&name.to_string_lossy()))
            .try_for_each(|name| remove(&self.folder.join(name)))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let path = self.folder.join(LOCK_FILE);
        // While it is locked: whoever opened it meanwhile sees that it is gone.
        if is_at(&self.file, &path) {
            let _ = remove(&path);
        }
        for folder in &self.made {
            // One that is not empty stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The file of `folder`, locked.
fn locked(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK_FILE);
    loop {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::writing(folder))?;
        match FileExt::try_lock(&file) {
            Err(TryLockError::WouldBlock) => return Err(taken(folder, &path)),
            // A file system without locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => (),
            Err(TryLockError::Error(error)) => return Err(Error::writing(&path)(error)),
            Ok(()) => (),
        }
        // Else the program that had it removed it.
        if is_at(&file, &path) {
            // For the message of others alone.
            let _ = file.set_len(0);
            let _ = write!(file, "{}", std::process::id());
            return Ok(file);
        }
    }
}

/// Whether `file` is still the one that is called `path`.
fn is_at(file: &File, path: &Path) -> bool {
    let open = file.try_clone().and_then(Handle::from_file);
    let named = Handle::from_path(path);
    matches!((open, named), (Ok(open), Ok(named)) if open == named)
}

/// The refusal of a folder that another program writes, which put its number into `path`.
fn taken(folder: &Path, path: &Path) -> Error {
    let process = std::fs::read_to_string(path).unwrap_or_default();
    let process = match process.is_empty() {
        true => String::new(),
        false => format!(" (process {process})"),
    };
    let folder = folder.display();
    Error::Setting(format!(
        "another trainer{process} is writing {folder}: wait for it, stop it, or choose another --out"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_leaves_no_trace() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a").join("b");
        let lock = Lock::take(&folder).unwrap();
        let line = Lock::take(&folder).unwrap_err().to_string();
        let process = format!("(process {})", std::process::id());
        assert!(line.contains(&process) && line.contains("--out"), "{line}");
        drop(lock);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        drop(Lock::take(&folder).unwrap());
    }

    #[test]
    fn files_of_others_and_their_folder_stay_and_temporary_ones_go() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("notes.txt"), "mine").unwrap();
        std::fs::write(folder.join(".elbow-x1y2.tmp"), "half").unwrap();
        // As a program leaves it that was killed.
        std::fs::write(folder.join(LOCK_FILE), "1").unwrap();
        drop(Lock::take(&folder).unwrap());
        let names = std::fs::read_dir(&folder).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["notes.txt"]);
    }

    #[test]
    fn a_folder_that_was_removed_is_taken_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a");
        let mut lock = Lock::take(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        lock.renew().unwrap();
        assert!(Lock::take(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
        let other = Lock::take(&folder).unwrap();
        assert!(lock.renew().is_err());
        drop(lock);
        assert!(Lock::take(&folder).is_err());
        drop(other);
    }
}
