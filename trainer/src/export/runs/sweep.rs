//! Runs over a grid of settings and seeds, in one folder; those that are there are not trained again.

use super::{Measured, Record};
use crate::config::settings::{Key, Said, refuse_idle};
use crate::config::{Config, Limits};
use crate::data::DataSource;
use crate::error::Error;
use crate::export::budget::Budget;
use crate::export::pipeline::{Interrupted, Job, Observer, Warning};
use crate::export::run::{self, CHECKPOINT_FILE, Existing, SUMMARY_FILE};
use crate::numeric::statistics::{mean, mean_and_error};
use crate::readings::splits::Splits;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file with the settings that all runs of a sweep share.
const BASE_FILE: &str = "sweep.toml";
/// The file with the grid that was last asked for.
const GRID_FILE: &str = "grid.toml";
/// The key of the seed.
const SEED: &str = "train.seed";

/// Settings with several values each, seeds, and limits that the best has to keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Each key with its values, as `--set` has them.
    axes: Vec<(String, Vec<String>)>,
    seeds: u64,
    /// Limits, as `--within` has them.
    within: Vec<String>,
}

/// A sweep in a folder.
#[derive(Debug)]
pub struct Sweep {
    folder: PathBuf,
    base: Said,
    grid: Grid,
}

/// A point of a grid, trained with each seed.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// The settings that it is.
    pub settings: Vec<(String, String)>,
    /// The folders of its runs.
    pub runs: Vec<PathBuf>,
    /// The mean over seeds of the best bound on held-out readings; none where a run has none.
    pub held_out: Option<f64>,
    /// The standard deviation over seeds; none of one.
    pub deviation: Option<f64>,
    /// Means over seeds on the test part, in floats.
    pub float: Measured,
    /// The longest image.
    pub image_bytes: Option<usize>,
    /// The largest workspace.
    pub workspace_bytes: Option<usize>,
    /// Whether all its runs are within the limits.
    pub fits: bool,
}

/// The end of a sweep.
#[derive(Clone, Debug, Serialize)]
pub struct Best {
    /// All points.
    pub points: Vec<Point>,
    /// The place of the one with the highest mean held-out bound, of those within the limits.
    pub best: Option<usize>,
}

impl Grid {
    /// The grid of `KEY=VALUE,VALUE` assignments, with so many seeds, and the `LIMIT=VALUE` that its best is within.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn new(assignments: &[String], seeds: u64, within: &[String]) -> Result<Self, Error> {
        if seeds == 0 {
            return Err(Error::Setting("--seeds is 0: give 1 or more".into()));
        }
        let mut axes: Vec<(String, Vec<String>)> = vec![];
        for assignment in assignments {
            let Some((key, values)) = assignment.split_once('=') else {
                return Err(Error::Setting(format!(
                    "--set {assignment} has no value: say KEY=VALUE,VALUE, such as model.latents=4,8"
                )));
            };
            let key = key.trim().to_owned();
            if axes.iter().any(|(own, _)| *own == key) {
                return Err(Error::Setting(format!(
                    "--set {key} is given twice: say all its values in one, separated by commas"
                )));
            }
            if key == SEED {
                return Err(Error::Setting(format!(
                    "--set {SEED} and --seeds say the same: leave --set {SEED} out"
                )));
            }
            axes.push((key, split(values)));
        }
        let grid = Self {
            axes,
            seeds,
            within: within.to_vec(),
        };
        grid.limits()?;
        Ok(grid)
    }

    /// The limits that the best has to keep.
    fn limits(&self) -> Result<Limits, Error> {
        let limits = self.within.iter().map(|one| format!("limits.{one}"));
        let limits: Vec<String> = limits.collect();
        let (_, limits) = Said::of_assignments("--within", &limits)?.config()?;
        Ok(limits)
    }

    /// The points, each key with one of its values.
    fn points(&self) -> Vec<Vec<(String, String)>> {
        self.axes
            .iter()
            .fold(vec![vec![]], |points, (key, values)| {
                let with = |point: &Vec<(String, String)>| {
                    let values = values.iter().map(|value| {
                        let mut point = point.clone();
                        point.push((key.clone(), value.clone()));
                        point
                    });
                    values.collect::<Vec<_>>()
                };
                points.iter().flat_map(with).collect()
            })
    }
}

/// Pieces of `text` between commas that are in no brackets or quotes.
fn split(text: &str) -> Vec<String> {
    let (mut depth, mut quote) = (0, None);
    let mut pieces = vec![String::new()];
    for character in text.chars() {
        match (character, quote) {
            (',', None) if depth == 0 => {
                pieces.push(String::new());
                continue;
            }
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(own)) if own == character => quote = None,
            _ => {}
        }
        pieces
            .last_mut()
            .into_iter()
            .for_each(|piece| piece.push(character));
    }
    pieces.iter().map(|piece| piece.trim().to_owned()).collect()
}

/// The name of the run of a point with a seed.
fn name(point: &[(String, String)], seed: u64) -> String {
    let plain = |text: &str| -> String {
        let kept = |c: char| {
            if c.is_alphanumeric() || ".-".contains(c) {
                c
            } else {
                '-'
            }
        };
        text.trim_matches(['[', ']', '"'])
            .chars()
            .map(kept)
            .collect()
    };
    let parts = point.iter().map(|(key, value)| {
        let key = key.rsplit('.').next().unwrap_or(key);
        format!("{}={}", plain(key), plain(value))
    });
    let parts: Vec<String> = parts.chain([format!("seed={seed}")]).collect();
    parts.join("_")
}

impl Sweep {
    /// The sweep of `grid` in `folder`, over the settings `base`. It may be there already, with other points.
    ///
    /// # Errors
    /// [`Error::Setting`] where the settings of a point do not parse or make no sense, or where the folder is of other
    /// settings.
    pub fn new(folder: &Path, base: Said, grid: Grid) -> Result<Self, Error> {
        let sweep = Self {
            folder: folder.to_path_buf(),
            base,
            grid,
        };
        let points = sweep.grid.points();
        let mut names: Vec<String> = points.iter().map(|point| name(point, 0)).collect();
        names.sort();
        names.dedup();
        if names.len() != points.len() {
            return Err(Error::Setting(
                "two points of the sweep are the same: leave one value of --set out".into(),
            ));
        }
        for point in &points {
            let (config, _) = sweep.settings(point, 0)?;
            config.validate()?;
            refuse_idle(
                &config,
                point.iter().filter_map(|(path, _)| Key::find(path)),
            )?;
        }
        sweep.check_base()?;
        Ok(sweep)
    }

    /// The sweep that was last asked for in `folder`.
    ///
    /// # Errors
    /// [`Error::Setting`] where there is none, or its files are no more what they were.
    pub fn resume(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(GRID_FILE);
        if !path.exists() {
            return Err(Error::Setting(format!(
                "there is no {GRID_FILE} in {}: name the folder of a sweep, or begin one with a file of settings",
                folder.display()
            )));
        }
        let text = std::fs::read_to_string(&path).map_err(Error::reading(&path))?;
        let grid: Grid = toml::from_str(&text).map_err(|error| {
            Error::Setting(format!(
                "{}: {}: begin the sweep again with its file of settings",
                path.display(),
                error.message()
            ))
        })?;
        Self::new(folder, run::read_settings(&folder.join(BASE_FILE))?, grid)
    }

    /// The number of runs.
    pub fn len(&self) -> usize {
        self.grid.points().len() * self.grid.seeds as usize
    }

    /// Whether there is no run.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The settings of a point with the seed that lies so far behind the first.
    fn settings(&self, point: &[(String, String)], seed: u64) -> Result<(Config, Limits), Error> {
        let mut set = Said::default();
        for (key, value) in point {
            set.assign("--set", key, value)?;
        }
        let (mut config, limits) = set.over(self.base.clone()).config()?;
        config.train.seed = config.train.seed.wrapping_add(seed);
        Ok((config, limits))
    }

    /// The settings that all runs share, as a file.
    fn base_text(&self) -> String {
        let lines = self
            .base
            .iter()
            .map(|(key, value)| format!("{key} = {value}\n"));
        lines.collect()
    }

    /// Refuses a folder of a sweep over other settings.
    fn check_base(&self) -> Result<(), Error> {
        let path = self.folder.join(BASE_FILE);
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(());
        };
        let there = Said::of_text(&text, &path.display().to_string())?;
        let keys = there.iter().chain(self.base.iter()).map(|(key, _)| key);
        let differs = |key: &&str| there.value(key) != self.base.value(key);
        let Some(key) = keys.into_iter().find(differs) else {
            return Ok(());
        };
        let shown = |value: Option<&str>| value.unwrap_or("the default").to_owned();
        Err(Error::Setting(format!(
            "{} is of a sweep where {key} is {}, and here it is {}: choose another --out",
            self.folder.display(),
            shown(there.value(key)),
            shown(self.base.value(key)),
        )))
    }

    /// Trains the runs that are not there yet, goes on with those that were interrupted, and says of each, by `tell`, its
    /// number, counted from 1, its folder, and whether it was there.
    ///
    /// # Errors
    /// The errors of [`Job::fit`], [`Error::Data`]. One that is [`Error::Cancelled`] says how to go on with the sweep.
    pub fn run(
        &self,
        observer: &dyn Observer,
        mut tell: impl FnMut(usize, &Record, bool),
    ) -> Result<Best, Error> {
        run::make_folder(&self.folder)?;
        run::write(&self.folder.join(BASE_FILE), self.base_text().as_bytes())?;
        let grid = run::to_toml(&self.grid)?;
        run::write(&self.folder.join(GRID_FILE), grid.as_bytes())?;
        let mut number = 0;
        let points = self.grid.points().into_iter().map(|settings| {
            let mut records = vec![];
            for seed in 0..self.grid.seeds {
                let (config, limits) = self.settings(&settings, seed)?;
                let folder = self.folder.join(name(&settings, config.train.seed));
                let was_there = folder.join(SUMMARY_FILE).is_file();
                number += 1;
                match was_there {
                    true => (),
                    false => match train(&folder, config, limits, observer) {
                        Err(error @ Error::Diverged { .. }) => {
                            let line = format!("{}: {error}", folder.display());
                            observer.warn(&Warning::Diverged(line));
                            continue;
                        }
                        Err(Error::Cancelled { epoch, .. }) => {
                            return Err(Error::Cancelled {
                                epoch,
                                resume: Some(self.command()),
                            });
                        }
                        trained => trained?,
                    },
                }
                let record = Record::read(&folder)?;
                tell(number, &record, was_there);
                records.push(record);
            }
            let mut point = Point::of(settings, &records);
            // A mean over fewer seeds compares with no other.
            let is_whole = records.len() as u64 == self.grid.seeds;
            point.held_out = point.held_out.filter(|_| is_whole);
            Ok(point)
        });
        Best::of(points.collect::<Result<_, _>>()?, self.grid.limits()?)
    }

    /// The command that goes on with it.
    pub fn command(&self) -> String {
        format!("trainer sweep --resume {}", self.folder.display())
    }
}

/// Trains one run, or goes on with it.
fn train(
    folder: &Path,
    config: Config,
    limits: Limits,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let name = DataSource::parse(&config.data.source)?.name();
    let interrupted = folder.join(CHECKPOINT_FILE).is_file();
    let _lock = run::Lock::take(folder)?;
    run::check_folder(folder, Existing::by_force(interrupted))?;
    let job = match interrupted {
        true => {
            let interrupted = Interrupted::read(folder)?;
            let splits = Splits::load(&interrupted.run().settings)?;
            Job::resume(interrupted, splits, observer)?
        }
        false => {
            let splits = Splits::load(&config)?;
            Job::new(&name, config, limits, splits, observer)?
        }
    };
    job.fit(Some(folder))?.write(folder)
}

impl Point {
    /// The point of these runs.
    fn of(settings: Vec<(String, String)>, runs: &[Record]) -> Self {
        let of_all = |number: &dyn Fn(&Record) -> Option<f64>| -> Option<Vec<f64>> {
            runs.iter().map(number).collect()
        };
        let mean = |number: &dyn Fn(&Record) -> Option<f64>| mean(&of_all(number)?);
        let bounds = of_all(&|run| run.held_out).unwrap_or_default();
        let (held_out, error) = mean_and_error(&bounds);
        Self {
            held_out,
            deviation: error.map(|error| error * (bounds.len() as f64).sqrt()),
            float: Measured {
                elbo: mean(&|run| run.results.float.elbo),
                standard_error: None,
                auc: mean(&|run| run.results.float.auc),
            },
            image_bytes: runs.iter().filter_map(|run| run.results.image_bytes).max(),
            workspace_bytes: runs
                .iter()
                .filter_map(|run| run.results.workspace_bytes)
                .max(),
            fits: true,
            runs: runs.iter().map(|run| run.folder.clone()).collect(),
            settings,
        }
    }

    /// Says whether all its runs keep `limits`.
    fn judge(&mut self, limits: Limits) -> Result<(), Error> {
        for folder in &self.runs {
            let (config, _) = run::read_settings(folder)?.config()?;
            let image = run::read_image(folder)?;
            let model = run::parse(folder, &image)?;
            self.fits &= Budget::of(&model, config.export.core, limits)?.is_met();
        }
        Ok(())
    }
}

impl Best {
    /// The best of `points` within `limits`.
    ///
    /// # Errors
    /// [`Error::Setting`] where an image cannot be read.
    fn of(mut points: Vec<Point>, limits: Limits) -> Result<Self, Error> {
        if !limits.is_empty() {
            points
                .iter_mut()
                .try_for_each(|point| point.judge(limits))?;
        }
        let fitting = points.iter().enumerate().filter(|(_, point)| point.fits);
        let bounds = fitting.filter_map(|(at, point)| Some((at, point.held_out?)));
        let best = bounds.max_by(|(_, a), (_, b)| a.total_cmp(b));
        Ok(Self {
            best: best.map(|(at, _)| at),
            points,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_every_combination_and_lists_stay_whole() {
        let set = ["model.latents=4,8", "model.encoder=[32],[64, 32]"].map(str::to_owned);
        let grid = Grid::new(&set, 3, &[]).unwrap();
        let names: Vec<String> = grid.points().iter().map(|point| name(point, 2)).collect();
        assert_eq!(
            names,
            [
                "latents=4_encoder=32_seed=2",
                "latents=4_encoder=64--32_seed=2",
                "latents=8_encoder=32_seed=2",
                "latents=8_encoder=64--32_seed=2",
            ]
        );
        let written = run::to_toml(&grid).unwrap();
        assert_eq!(toml::from_str::<Grid>(&written).unwrap(), grid);
        assert_eq!(split("\"a,b\",c"), ["\"a,b\"", "c"]);
        for (set, seeds, word) in [
            ("model.latents", 1, "has no value"),
            ("train.seed=1,2", 1, "--seeds"),
            ("model.latents=1", 0, "--seeds is 0"),
        ] {
            let refused = Grid::new(&[set.to_owned()], seeds, &[]);
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn the_best_has_the_highest_mean() {
        let point = |held_out: Option<f64>, fits: bool| Point {
            settings: vec![],
            runs: vec![],
            held_out,
            deviation: None,
            float: Measured::default(),
            image_bytes: None,
            workspace_bytes: None,
            fits,
        };
        let points = vec![
            point(Some(-3.0), true),
            point(Some(-1.0), false),
            point(Some(-2.0), true),
            point(None, true),
        ];
        let best = Best::of(points, Limits::default()).unwrap();
        assert_eq!(best.best, Some(2));
        assert_eq!(Best::of(vec![], Limits::default()).unwrap().best, None);
    }
}
