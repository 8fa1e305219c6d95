//! Rows of standard input, taken in as they come.

use crate::cli::arguments::tell;
use crate::config::LikelihoodKind;
use crate::data::{Frame, LiveTable, NamedRole, Role};
use crate::error::Error;
use crate::export::run::config_beside;
use crate::readings::masks::Masks;
use crate::readings::raw::LIKE_THE_TRAINING;
use crate::readings::raw::without_gaps;
use crate::readings::scoring::{Like, check_width, of_frame};
use crate::readings::{Readings, refuse_gaps};
use elbow::{Mask, Model};
use std::borrow::Cow;
use std::io::BufRead;
use std::path::Path;

/// Standard input in messages.
const NAME: &str = "standard input";

/// Rows for a model: readings, or samples of its stream.
pub(in crate::cli) struct Live<'m> {
    model: &'m Model<'m>,
    /// The columns of the training, of which those are read that the model takes.
    columns: Vec<NamedRole>,
    /// The likelihood that readings are checked against; none of samples.
    likelihood: Option<LikelihoodKind>,
    exponents: &'m [i8],
    /// Rows to take, at most.
    limit: usize,
    rows: usize,
    saturated: usize,
}

impl<'m> Live<'m> {
    /// Rows for `model`, the image or run at `path`, at most `limit`.
    pub(in crate::cli) fn new(
        path: &Path,
        model: &'m Model<'m>,
        limit: Option<usize>,
    ) -> Result<Self, Error> {
        let run = config_beside(path).ok().flatten();
        let like = Like::new(run.as_ref()).or_image(model);
        if let Some(way) = like.binarize {
            return Err(Error::Setting(format!(
                "the model was trained on bits of pixels (--binarize {way}), which no live rows are: name a file"
            )));
        }
        if limit == Some(0) {
            return Err(Error::Setting(
                "--limit is 0: give the number of rows to use, 1 or more".into(),
            ));
        }
        // Nobody labels what is still to come.
        let unread = |mut named: NamedRole| {
            if matches!(named.role, Role::Label | Role::Group | Role::Time) {
                named.role = Role::Ignored;
            }
            named
        };
        let stream = model.stream();
        Ok(Self {
            model,
            columns: like.columns.into_owned().into_iter().map(unread).collect(),
            likelihood: stream.is_none().then(|| LikelihoodKind::of(model)),
            exponents: stream.map_or(model.exponents(), |stream| stream.exponents),
            limit: limit.unwrap_or(usize::MAX),
            rows: 0,
            saturated: 0,
        })
    }

    /// Hands each row to `work` as soon as its line is there, until that has enough.
    pub(in crate::cli) fn each(
        &mut self,
        mut work: impl FnMut(&[i16], Mask<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut table = LiveTable::new(NAME);
        let mut stdin = std::io::stdin().lock();
        let mut line = String::new();
        while self.rows < self.limit {
            line.clear();
            let read = stdin.read_line(&mut line);
            if read.map_err(Error::reading(Path::new(NAME)))? == 0 {
                break;
            }
            let Some(frame) = table.push(&line)? else {
                continue;
            };
            let (row, masks) = self.row(&frame)?;
            self.rows += 1;
            let mask = masks
                .as_ref()
                .map_or(Ok(Mask::ALL), |masks| masks.mask(0))?;
            if !work(row.row(0), mask)? {
                break;
            }
        }
        crate::cli::arguments::warn_of_saturation(self.saturated);
        Ok(())
    }

    /// The raw numbers of the one row of `frame`, and which are there.
    fn row(&mut self, frame: &Frame) -> Result<(Readings, Option<Masks>), Error> {
        let like = Like {
            columns: Cow::Borrowed(&self.columns),
            of_windows: None,
            normal: &[],
            anomaly_digit: 0,
            binarize: None,
            ranges: Cow::Borrowed(&[]),
        };
        let labelled = of_frame(frame, None, like)?;
        if self.rows == 0 {
            tell(&labelled);
        }
        let dataset = &labelled.dataset;
        check_width(NAME, &dataset.table, self.exponents.len())?;
        let masks = Masks::of(dataset);
        match &self.likelihood {
            None => refuse_gaps(dataset, "samples of a stream")?,
            Some(kind) => kind.check(dataset, self.model.conditions(), LIKE_THE_TRAINING)?,
        }
        let table = match &masks {
            None => Cow::Borrowed(&dataset.table),
            Some(masks) => Cow::Owned(without_gaps(&dataset.table, masks)?),
        };
        let (row, saturated) = Readings::from_table(&table, self.exponents);
        self.saturated += saturated;
        Ok((row, masks))
    }
}
