//! `cargo xtask page`: reports as a browser shows them, wide and narrow, light and dark.
//!
//! Three models are trained, of a table, of a stream and of pictures, and headless Chromium opens their reports: nothing is wider than
//! the screen, nothing is said on the console, nothing is fetched, every plot shows something, and all text stands out from what is behind
//! it. Pictures of the pages are left in `target/page`.

mod browser;

use crate::build::{trainer, workspace};
use crate::error::Error;
use crate::files;
use browser::{Browser, Screen};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A training of seconds, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);
/// The least contrast of text that readers with weak sight can read (WCAG 2.1, success criterion 1.4.3).
const CONTRAST: f64 = 4.5;
/// Screens: a desk and a phone.
const WIDTHS: [u32; 2] = [1280, 390];
/// What is asked of a page in the browser.
const PROBE: &str = include_str!("probe.js");

/// A page with every fault.
const BAD: &str = include_str!("bad.html");
/// What is said of it.
const FAULTS: [&str; 7] = [
    "pixels too wide",
    "only 1 plots",
    "no title",
    "contrast 1.92: faint text",
    "an empty plot: nothing",
    "fetched http://127.0.0.1:9/picture.png",
    "an error",
];

/// The reports: what is trained on, and with which options.
const REPORTS: [(&str, &[&str]); 3] = [
    ("pump", &[]),
    ("motor", &["--epochs", "60"]),
    ("digits", &["--epochs", "60"]),
];

/// What the probe found.
#[derive(Debug, Deserialize)]
struct Found {
    /// How far the page reaches beyond the screen, pixels.
    overflow: f64,
    /// What reaches there.
    wide: Vec<String>,
    /// Text whose contrast is lower than it may be, with it.
    faint: Vec<(String, f64)>,
    /// Pieces of text that were looked at.
    texts: usize,
    /// Plots that show nothing.
    empty: Vec<String>,
    /// Plots that were looked at.
    plots: usize,
    /// Plots without a title or a description.
    nameless: usize,
    /// What was fetched beside the page.
    fetched: Vec<String>,
}

/// Trains, looks at every report on every screen, and says what is wrong; whether nothing is.
///
/// # Errors
///
/// There is no Chromium and none could be installed, or the trainer refuses.
pub fn check() -> Result<bool, Error> {
    browser::ensure()?;
    let folder = workspace().join("target/page");
    std::fs::create_dir_all(&folder).map_err(Error::at(&folder))?;
    let pages: Vec<PathBuf> = REPORTS
        .iter()
        .map(|(data, options)| report(&folder, data, options))
        .collect::<Result<_, _>>()?;
    let mut faults = vec![];
    let mut browser = Browser::start(&folder)?;
    finds_every_fault(&mut browser, &folder)?;
    for ((name, _), page) in REPORTS.iter().zip(&pages) {
        for width in WIDTHS {
            for dark in [false, true] {
                let screen = Screen { width, dark };
                let place = format!("{name} {screen}");
                let found = look(&mut browser, page, screen)?;
                let picture = folder.join(format!("{}.png", place.replace(' ', "-")));
                files::write(&picture, browser.picture()?)?;
                println!(
                    "{place}: {} plots, {} pieces of text, {}",
                    found.plots,
                    found.texts,
                    picture.display()
                );
                let console = browser.console()?;
                faults.extend(said(&found, &console).map(|fault| format!("{place}: {fault}")));
            }
        }
    }
    for fault in &faults {
        println!("{fault}");
    }
    Ok(faults.is_empty())
}

/// Makes sure that what is wrong is found.
fn finds_every_fault(browser: &mut Browser, folder: &Path) -> Result<(), Error> {
    let page = folder.join("bad.html");
    files::write(&page, BAD)?;
    let screen = Screen {
        width: WIDTHS[0],
        dark: false,
    };
    let found = look(browser, &page, screen)?;
    let console = browser.console()?;
    let said: Vec<String> = said(&found, &console).collect();
    let missed = FAULTS
        .iter()
        .find(|fault| !said.iter().any(|line| line.contains(**fault)));
    match missed {
        None => Ok(()),
        Some(fault) => Err(Error::Program {
            program: "the probe of a page".to_owned(),
            output: format!("it does not find {fault:?}, only\n{}", said.join("\n")),
        }),
    }
}

/// Trains on `data`; the report.
fn report(folder: &Path, data: &str, options: &[&str]) -> Result<PathBuf, Error> {
    let run = folder.join(data);
    let out = run.to_string_lossy().into_owned();
    let fit = ["fit", data, "--out", &out, "--force", "--quiet"];
    trainer::run(&[&fit[..], options].concat(), LIMIT)?;
    Ok(run.join("report.html"))
}

fn look(browser: &mut Browser, page: &Path, screen: Screen) -> Result<Found, Error> {
    browser.show(screen)?;
    browser.open(page)?;
    let found = browser.ask(&format!("const least = {CONTRAST};\n{PROBE}"))?;
    serde_json::from_value(found).map_err(|error| Error::Program {
        program: "the probe of a page".to_owned(),
        output: error.to_string(),
    })
}

/// What is wrong, one line each.
fn said<'a>(found: &'a Found, console: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let line = |is: bool, text: String| is.then_some(text);
    let own = [
        line(
            found.overflow > 0.0,
            format!(
                "{} pixels too wide: {}",
                found.overflow,
                found.wide.join(", ")
            ),
        ),
        line(
            found.plots < 8 || found.texts < 100,
            format!(
                "only {} plots and {} pieces of text",
                found.plots, found.texts
            ),
        ),
        line(
            found.nameless > 0,
            format!("{} plots have no title or no description", found.nameless),
        ),
    ];
    let faint = found.faint.iter();
    let faint = faint.map(|(text, contrast)| format!("contrast {contrast:.2}: {text}"));
    let empty = found
        .empty
        .iter()
        .map(|plot| format!("an empty plot: {plot}"));
    let fetched = found.fetched.iter().map(|what| format!("fetched {what}"));
    let console = console.iter().map(|line| format!("on the console: {line}"));
    let own = own.into_iter().flatten();
    own.chain(faint).chain(empty).chain(fetched).chain(console)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_said() {
        let good = || Found {
            overflow: 0.0,
            wide: vec![],
            faint: vec![],
            texts: 500,
            empty: vec![],
            plots: 9,
            nameless: 0,
            fetched: vec![],
        };
        let count = |found: &Found, console: &[String]| said(found, console).count();
        assert_eq!(count(&good(), &[]), 0);
        let bad = Found {
            overflow: 3.0,
            wide: vec!["table".into()],
            faint: vec![("grey".into(), 2.0)],
            texts: 3,
            empty: vec!["scores".into()],
            nameless: 1,
            fetched: vec!["https://example.org/a.js".into()],
            ..good()
        };
        assert_eq!(count(&bad, &["error".into()]), 7);
    }
}
