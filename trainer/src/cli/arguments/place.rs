//! The folder of a new run: where it is, and that it is nobody else's.

use crate::cli::train::interrupt;
use crate::data::DataSource;
use crate::error::Error;
use crate::export::pipeline::Interrupted;
use crate::export::run::{self, Existing, Lock};
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of a new run, which no other program writes while this is there.
pub(in crate::cli) struct Place {
    pub(in crate::cli) folder: PathBuf,
}

impl Place {
    /// Takes `folder`, where nothing in it is lost.
    pub(in crate::cli) fn take(folder: PathBuf, existing: Existing) -> Result<Self, Error> {
        run::check_folder(&folder, existing)?;
        let lock = Lock::take(&folder)?;
        // Now that nobody writes it.
        run::check_folder(&folder, existing)?;
        *interrupt::folder() = Some(lock);
        Ok(Self { folder })
    }

    /// Makes sure that the folder is still this program's: it may have been removed.
    pub(in crate::cli) fn renew(&self) -> Result<(), Error> {
        match &mut *interrupt::folder() {
            Some(lock) => lock.renew(),
            None => Ok(()),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        interrupt::folder().take();
    }
}

/// The folder of a run called `name` that was asked for by `out`, in which `{name}` and `{date}` stand for the name and the
/// time in UTC.
pub(in crate::cli) fn folder(out: Option<PathBuf>, name: &str) -> Result<PathBuf, Error> {
    match out {
        None => Ok(Path::new("runs").join(name)),
        Some(out) => fill(&out, name, SystemTime::now()),
    }
}

fn fill(out: &Path, name: &str, now: SystemTime) -> Result<PathBuf, Error> {
    // A path that is no text names nothing.
    let Some(text) = out.to_str() else {
        return Ok(out.to_path_buf());
    };
    let date = DateTime::<Utc>::from(now).format("%Y-%m-%d-%H%M%S");
    let date = text.replace("{date}", &date.to_string());
    let filled = date.replace("{name}", name);
    match filled.find('{').zip(filled.find('}')) {
        Some((start, end)) if start < end && !name.contains(['{', '}']) => {
            Err(Error::Setting(format!(
                "--out has {}, which stands for nothing: say {{name}} for the name of the data, {{date}} for the time in UTC",
                &filled[start..=end]
            )))
        }
        _ => Ok(filled.into()),
    }
}

/// Makes sure that a run of other data than `source` is not taken for an earlier one: that in `folder` is of the same data,
/// or is named by `out`, so that it may be replaced by `--force`.
pub(in crate::cli) fn check_source(
    folder: &Path,
    source: &DataSource,
    (is_named, is_forced): (bool, bool),
) -> Result<(), Error> {
    let Some(other) = source_in(folder).filter(|_| !(is_named && is_forced)) else {
        return Ok(());
    };
    let (one, other) = (source.to_string(), other.to_string());
    if one == other || same_file::is_same_file(&one, &other).unwrap_or(false) {
        return Ok(());
    }
    let own = Path::new(&one).parent().and_then(Path::file_name);
    let own = own.map_or("another".into(), |name| name.to_string_lossy());
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let folder = folder.display();
    Err(Error::Setting(format!(
        "{folder} holds a run of {other}, and this is {one}: give it a folder of its own, such as --out runs/{own}-{name}, or replace that run by --out {folder} --force"
    )))
}

/// The data of the run in `folder`, finished or not, as an absolute path; none where that cannot be read.
fn source_in(folder: &Path) -> Option<DataSource> {
    let finished = run::read_config(&folder.join(run::CONFIG_FILE)).ok();
    let settings = finished.map(|run| run.settings).or_else(|| {
        let interrupted = Interrupted::read(folder).ok()?;
        Some(interrupted.run().settings.clone())
    })?;
    DataSource::parse(&settings.data.source)
        .ok()?
        .absolute()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_folder_may_have_name_and_date() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let filled = |out: &str, at| fill(out.as_ref(), "pump", at).unwrap();
        let expected = Path::new("a/pump/2023-11-14-221320");
        assert_eq!(filled("a/{name}/{date}", at), expected);
        assert_eq!(filled("a}b{", at), Path::new("a}b{"));
        // A clock that was never set.
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(filled("{date}", before), Path::new("1969-12-31-235959"));
        let line = fill("a/{time}".as_ref(), "pump", at).unwrap_err();
        assert!(
            line.to_string()
                .contains("{time}, which stands for nothing")
        );
        assert_eq!(fill("a".as_ref(), "{x}", at).unwrap(), Path::new("a"));
    }
}
