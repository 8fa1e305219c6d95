//! A model as a device has it.

use crate::columns::Table;
use crate::error::{exception, refused};
use elbow::format::AlignedImage;
use elbow::{Estimator, Model, Score, Session};
use elbow_trainer::error::Error;
use elbow_trainer::export::firmware::{Facts, c, rust};
use elbow_trainer::export::run;
use elbow_trainer::readings::device::{Units, device_scores, on_device};
use elbow_trainer::readings::masks::Masks;
use elbow_trainer::readings::raw::DeviceReadings;
use elbow_trainer::readings::scoring::{Like, of_frame};
use elbow_trainer::readings::telemetry::{Receiver, packets};
use elbow_trainer::readings::{Readings, RunConfig};
use elbow_trainer::study::explain::{explained, names, places, strangest};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::{Path, PathBuf};

/// An image, and what is known of the data that it was trained on.
#[pyclass(module = "elbow._native", frozen)]
pub(crate) struct Image {
    image: AlignedImage,
    config: Option<RunConfig>,
}

/// Rows of numbers for Python.
type Matrix<'py> = Bound<'py, PyArray2<f64>>;

/// Readings as Python has them.
#[derive(FromPyObject)]
enum Given<'py> {
    /// Raw integers, (rows, numbers), as a device takes them.
    Raw(PyReadonlyArray2<'py, i16>),
    /// A table in the units of the data.
    Table(Table<'py>),
}

/// Readings as a device takes them in, what of them was observed where not all was, and what was assumed.
struct Taken {
    readings: Readings,
    masks: Option<Masks>,
    notes: Vec<String>,
}

impl Image {
    fn model(&self) -> PyResult<Model<'_>> {
        Model::parse(&self.image).map_err(|error| refused(&error))
    }

    /// Raw readings for the model.
    fn readings(&self, model: &Model<'_>, given: &Given<'_>) -> PyResult<Taken> {
        match given {
            Given::Raw(array) => {
                let array = array.as_array();
                let (width, length) = (array.ncols(), model.reading_length());
                if width != length {
                    return Err(refused(&format!(
                        "raw readings of {width} numbers, and the model takes {length}: give those that `raw` makes"
                    )));
                }
                Ok(Taken {
                    readings: Readings::new(width, array.iter().copied().collect()),
                    masks: None,
                    notes: vec![],
                })
            }
            Given::Table(table) => self
                .of_table(model, table)
                .map_err(|error| exception(&error)),
        }
    }

    fn of_table(&self, model: &Model<'_>, table: &Table<'_>) -> Result<Taken, Error> {
        let like = Like::new(self.config.as_ref()).or_image(model);
        let labelled = of_frame(&table.frame("X"), None, like)?;
        let made = DeviceReadings::all(labelled, model)?;
        let mut notes = made.labelled.notes;
        if made.saturated > 0 {
            notes.push(format!(
                "{} values are beyond the range of the model's 16-bit readings and were clamped; the device would see them so too",
                made.saturated
            ));
        }
        Ok(Taken {
            readings: made.readings,
            masks: made.masks,
            notes,
        })
    }

    fn estimator(model: &Model<'_>, name: Option<&str>) -> PyResult<Estimator> {
        match name {
            None => Ok(model.estimator()),
            Some(name) => name
                .parse()
                .map_err(|error: elbow::estimator::UnknownEstimator| refused(&error)),
        }
    }
}

#[pymethods]
impl Image {
    /// The image in `bytes`; `config` is the TOML of its run, where there is one.
    #[new]
    fn new(bytes: &[u8], config: Option<&str>) -> PyResult<Self> {
        let image = AlignedImage::new(bytes);
        Model::parse(&image).map_err(|error| refused(&error))?;
        let config = config.map(|text| run::parse_config(Path::new("config"), text));
        let config = config.transpose().map_err(|error| exception(&error))?;
        Ok(Self { image, config })
    }

    /// What the image holds.
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let model = self.model()?;
        let dict = PyDict::new(py);
        let columns = (0..model.columns()).filter_map(|index| model.column(index));
        let columns: Vec<(&str, &str)> = columns
            .map(|column| (column.name(), column.unit()))
            .collect();
        let estimator = model.estimator();
        let table = model.p_values(estimator);
        let (encoder, decoder) = run::macs(&model);
        dict.set_item("name", model.name())?;
        dict.set_item("columns", columns)?;
        dict.set_item("inputs", model.inputs())?;
        dict.set_item("conditions", model.conditions())?;
        dict.set_item("reading_length", model.reading_length())?;
        dict.set_item("latents", model.latents())?;
        dict.set_item("names", names(&model))?;
        dict.set_item("is_stream", model.stream().is_some())?;
        dict.set_item("estimator", estimator.to_string())?;
        dict.set_item("image_bytes", model.image_length())?;
        dict.set_item("workspace_bytes", 8 * model.workspace_words())?;
        dict.set_item("encoder_macs", encoder)?;
        dict.set_item("decoder_macs", decoder)?;
        dict.set_item(
            "smallest_p_value",
            table.map(|table| table.smallest_p_value().to_f64()),
        )?;
        Ok(dict)
    }

    /// Writes a header and a source in C beside each other, `path` with other ends, as `trainer export --c` does.
    fn export_c(&self, path: PathBuf) -> PyResult<(PathBuf, PathBuf)> {
        let model = self.model()?;
        let (header, source) = (path.with_extension("h"), path.with_extension("c"));
        let name = header.file_name().unwrap_or_default().to_string_lossy();
        let files = c::files(&Facts::new(&model, &self.image), &name);
        let both = [
            (header.as_path(), files.header.as_bytes()),
            (source.as_path(), files.source.as_bytes()),
        ];
        run::write_together(both.into_iter()).map_err(|error| exception(&error))?;
        Ok((header, source))
    }

    /// Writes a module in Rust, as `trainer export --rust` does.
    fn export_rust(&self, path: PathBuf) -> PyResult<PathBuf> {
        let model = self.model()?;
        let module = rust::module(&Facts::new(&model, &self.image));
        run::write(&path, module.as_bytes()).map_err(|error| exception(&error))?;
        Ok(path)
    }

    /// The raw integers of readings, (rows, numbers), and what was assumed.
    fn raw<'py>(
        &self,
        py: Python<'py>,
        given: Given<'py>,
    ) -> PyResult<(Bound<'py, PyArray2<i16>>, Vec<String>)> {
        let model = self.model()?;
        let Taken {
            readings, notes, ..
        } = self.readings(&model, &given)?;
        let rows: Vec<Vec<i16>> = readings.iter().map(<[i16]>::to_vec).collect();
        let array = matrix(py, rows, model.reading_length())?;
        Ok((array, notes))
    }

    /// Scores, an array for each number of `trainer score`, and what was assumed.
    #[pyo3(signature = (given, estimator, seed))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        given: Given<'py>,
        estimator: Option<&str>,
        seed: u64,
    ) -> PyResult<(Bound<'py, PyDict>, Vec<String>)> {
        let model = self.model()?;
        let estimator = Self::estimator(&model, estimator)?;
        let Taken {
            readings,
            masks,
            notes,
        } = self.readings(&model, &given)?;
        drop(given);
        let scores =
            py.detach(|| device_scores(&model, &readings, masks.as_ref(), estimator, seed));
        let scores = scores.map_err(|error| exception(&error))?;
        Ok((as_arrays(py, &scores)?, notes))
    }

    /// Mean and deviation of q(z|x) of readings, (rows, latents) each, and what was assumed.
    fn encode<'py>(
        &self,
        py: Python<'py>,
        given: Given<'py>,
    ) -> PyResult<(Matrix<'py>, Matrix<'py>, Vec<String>)> {
        let model = self.model()?;
        let Taken {
            readings,
            masks,
            notes,
        } = self.readings(&model, &given)?;
        drop(given);
        let encoded = py.detach(|| {
            on_device(
                &model,
                &readings,
                masks.as_ref(),
                0,
                |session, reading, observed| {
                    let posterior = session.encode_observed(reading, observed)?;
                    let mean = posterior.mean.iter().map(|&mean| f64::from(mean) / 65536.0);
                    let deviation = posterior.log_variance.iter();
                    let deviation =
                        deviation.map(|&variance| (f64::from(variance) / 131_072.0).exp());
                    Ok((mean.collect::<Vec<_>>(), deviation.collect::<Vec<_>>()))
                },
            )
        });
        let (mean, deviation): (Vec<_>, Vec<_>) = encoded
            .map_err(|error| exception(&error))?
            .into_iter()
            .unzip();
        let latents = model.latents();
        Ok((
            matrix(py, mean, latents)?,
            matrix(py, deviation, latents)?,
            notes,
        ))
    }

    /// `E[x|z]` of latents, (rows, latents), in the units of the data.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        latents: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Matrix<'py>> {
        let model = self.model()?;
        let units = Units::of(&model);
        let scale = f64::from(1u32 << model.latent_fraction_bits());
        let mut workspace = vec![0; model.workspace_words()];
        let mut session =
            Session::new(&model, &mut workspace, 0).map_err(|error| refused(&error))?;
        let mut rows = vec![];
        for row in latents.as_array().rows() {
            // Casts saturate: what lies beyond is beyond 16 bits.
            let raw: Vec<i16> = row
                .iter()
                .map(|&z| (z * scale).round_ties_even() as i16)
                .collect();
            let mut mean = vec![0; model.inputs()];
            session
                .decode(&raw, &mut mean)
                .map_err(|error| refused(&error))?;
            rows.push(units.values(mean.iter().map(|&value| f64::from(value) / 65536.0)));
        }
        matrix(py, rows, model.inputs())
    }

    /// The packets of telemetry that a device sends of readings, and what was assumed.
    fn packets<'py>(
        &self,
        py: Python<'py>,
        given: Given<'py>,
    ) -> PyResult<(Vec<Bound<'py, PyBytes>>, Vec<String>)> {
        let model = self.model()?;
        let Taken {
            readings, notes, ..
        } = self.readings(&model, &given)?;
        let bytes = packets(&model, &readings).map_err(|error| exception(&error))?;
        // All have as many latents, and so as many bytes.
        let length = (bytes.len() / readings.len().max(1)).max(1);
        let packets = bytes.chunks(length).map(|packet| PyBytes::new(py, packet));
        Ok((packets.collect(), notes))
    }

    /// What packets stand for, each by itself: sequence numbers, latents (packets, latents), and readings in the units of the
    /// data (packets, inputs).
    fn unpack<'py>(
        &self,
        py: Python<'py>,
        packets: Vec<Vec<u8>>,
    ) -> PyResult<(Bound<'py, PyArray1<u8>>, Matrix<'py>, Matrix<'py>)> {
        let model = self.model()?;
        let (mut sequences, mut latents, mut values) = (vec![], vec![], vec![]);
        let mut workspace = vec![0; model.workspace_words()];
        for (index, bytes) in packets.iter().enumerate() {
            let mut receiver =
                Receiver::new(&model, &mut workspace, bytes).map_err(|error| exception(&error))?;
            let bad =
                |reason: &dyn std::fmt::Display| refused(&format!("packet {index}: {reason}"));
            let received = receiver.next_packet().map_err(|error| bad(&error))?;
            let received = received.ok_or_else(|| bad(&"it is empty"))?;
            if receiver
                .next_packet()
                .map_err(|error| bad(&error))?
                .is_some()
            {
                return Err(bad(
                    &"another one follows in the same bytes: give one for each row",
                ));
            }
            sequences.push(received.sequence);
            latents.push(received.latents);
            values.push(received.values);
        }
        let (wide, inputs) = (model.latents(), model.inputs());
        Ok((
            sequences.into_pyarray(py),
            matrix(py, latents, wide)?,
            matrix(py, values, inputs)?,
        ))
    }

    /// `count` readings from the prior, in the units of the data: `E[x|z]` as `trainer sample` draws it.
    fn sample<'py>(&self, py: Python<'py>, count: u64, seed: u64) -> PyResult<Matrix<'py>> {
        let model = self.model()?;
        let units = Units::of(&model);
        let mut workspace = vec![0; model.workspace_words()];
        let mut session =
            Session::new(&model, &mut workspace, seed).map_err(|error| refused(&error))?;
        let mut rows = vec![];
        for stream in 0..count {
            session.reseed(seed, stream);
            let mut mean = vec![0; model.inputs()];
            session
                .generate(&mut mean)
                .map_err(|error| refused(&error))?;
            rows.push(units.values(mean.iter().map(|&value| f64::from(value) / 65536.0)));
        }
        matrix(py, rows, model.inputs())
    }

    /// The `top` strangest readings or those of `rows`, each in JSON with the nats of each column, and what was assumed.
    #[pyo3(signature = (given, rows, top))]
    fn explain(
        &self,
        py: Python<'_>,
        given: Given<'_>,
        rows: Option<Vec<usize>>,
        top: usize,
    ) -> PyResult<(Vec<String>, Vec<String>)> {
        let model = self.model()?;
        let estimator = model.estimator();
        let Taken {
            readings,
            masks,
            notes,
        } = self.readings(&model, &given)?;
        drop(given);
        let of = (&readings, masks.as_ref());
        let explained = py.detach(|| {
            let rows = match rows {
                Some(rows) => rows,
                None => strangest(&device_scores(&model, of.0, of.1, estimator, 0)?, top),
            };
            explained(&model, of, &rows, (estimator, 0))
        });
        let explained = explained.map_err(|error| exception(&error))?;
        let places = places(&model);
        let told = explained.iter().map(|explained| {
            run::to_json(&serde_json::json!({
                "reading": explained.row,
                "elbo": explained.score.elbo().to_f64(),
                "p_value": explained.score.p_value().to_f64(),
                "statistic": explained.score.statistic().to_string(),
                "divergence": explained.divergence,
                "columns": explained.lines(&places),
            }))
        });
        let told: Result<Vec<String>, Error> = told.collect();
        Ok((told.map_err(|error| exception(&error))?, notes))
    }
}

/// Rows of `width` numbers each as a matrix.
fn matrix<T: numpy::Element>(
    py: Python<'_>,
    rows: Vec<Vec<T>>,
    width: usize,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let count = rows.len();
    let flat: Vec<T> = rows.into_iter().flatten().collect();
    use numpy::PyArrayMethods;
    flat.into_pyarray(py).reshape([count, width])
}

/// The numbers of scores, one array each.
fn as_arrays<'py>(py: Python<'py>, scores: &[Score]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let nats = |of: &dyn Fn(&Score) -> i32| -> Bound<'py, PyArray1<i32>> {
        scores.iter().map(of).collect::<Vec<_>>().into_pyarray(py)
    };
    dict.set_item("elbo_q16", nats(&|score| score.elbo().to_bits()))?;
    dict.set_item(
        "reconstruction_q16",
        nats(&|score| score.reconstruction().to_bits()),
    )?;
    dict.set_item("kl_q16", nats(&|score| score.kl().to_bits()))?;
    dict.set_item("surprise_q16", nats(&|score| score.surprise().to_bits()))?;
    let errors = scores.iter().map(|score| {
        score
            .standard_error()
            .map_or(f64::NAN, |error| error.to_f64())
    });
    dict.set_item(
        "standard_error",
        errors.collect::<Vec<_>>().into_pyarray(py),
    )?;
    let p_values = scores.iter().map(|score| score.p_value().to_bits());
    dict.set_item("p_value_q31", p_values.collect::<Vec<_>>().into_pyarray(py))?;
    dict.set_item(
        "passes",
        scores
            .iter()
            .map(Score::passes)
            .collect::<Vec<_>>()
            .to_pyarray(py),
    )?;
    let statistics = scores.iter().map(|score| score.statistic().to_string());
    dict.set_item("statistic", statistics.collect::<Vec<_>>())?;
    Ok(dict)
}
