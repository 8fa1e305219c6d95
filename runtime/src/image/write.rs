//! The image of a description.

use super::integers::Integers;
use super::{
    CalibrationSpec, DenseSpec, ImageSpec, LayerSpec, LikelihoodSpec, PriorSpec, WriteError,
};
use crate::calibration::Calibrated;
use crate::distribution::{Binomial, Coins, Heterogeneous, Likelihood, Location, Mixture, Prior};
use crate::estimator::Estimator;
use crate::format::{
    AlignedImage, CalibrationHeader, ExpectedScore, Header, LayerHeader, LikelihoodHeader, List,
    MAX_CALIBRATIONS, OutputsHeader, PriorHeader, StatisticHeader, StatisticKind, StreamHeader,
    TensorWriter, seal,
};
use crate::kernel::{Bounds, Dense, WeightBits};
use crate::layer::{Hidden, LayerKind, MAX_LAYERS, Stack};
use crate::model::{Model, SelfTestVector, Stream};
use crate::session::Session;
use crate::statistic::{Curve, Statistics};
use crate::wire::Text;
use serde::Serialize;
use std::vec::Vec;

/// The estimators of the self-test, where the posterior has them.
const SELF_TEST: [Estimator; 5] = [
    Estimator::PosteriorMean,
    Estimator::SigmaPoints,
    Estimator::MonteCarlo { samples: 3 },
    Estimator::ImportanceWeighted { samples: 3 },
    Estimator::Enumeration,
];

/// What the self-test must give.
struct Answers {
    scores: Vec<ExpectedScore>,
    hashes: Vec<u32>,
}

impl Answers {
    /// Those of a draft.
    fn unknown(spec: &ImageSpec) -> Self {
        Self {
            scores: std::vec![],
            hashes: std::vec![0; spec.encoder.len() + spec.decoder.len() + 2],
        }
    }

    /// Those that this machine computes.
    fn of(model: &Model<'_>) -> Result<Self, WriteError> {
        let mut workspace = std::vec![0; model.workspace_words()];
        let hashes = model.layer_hashes(&mut workspace);
        let hashes = hashes.map_err(WriteError::Workspace)?.to_vec();
        let session = Session::new(model, &mut workspace, 0);
        let mut session = session.map_err(WriteError::Workspace)?;
        let asked = SELF_TEST.iter().copied();
        let asked = asked.filter(|&estimator| model.passes(estimator).is_ok());
        let scores = asked.map(|estimator| ExpectedScore {
            estimator,
            score: model.self_test_score(&mut session, estimator),
        });
        Ok(Self {
            scores: scores.collect(),
            hashes,
        })
    }
}

impl ImageSpec {
    /// The image, with the scores and the layer hashes of its self-test, which the writer computes.
    /// It has been parsed, so it can be.
    ///
    /// # Errors
    /// [`WriteError`] says what no image can hold.
    pub fn write(&self, calibrations: &[CalibrationSpec]) -> Result<AlignedImage, WriteError> {
        self.check_lengths()?;
        let integers = Integers::of(self);
        let write = |answers: &Answers| {
            let model = self.model(&integers, calibrations, answers)?;
            self.image_of(&model, answers)
        };
        let draft = write(&Answers::unknown(self))?;
        let model = Model::parse(&draft).map_err(WriteError::Image)?;
        write(&Answers::of(&model)?)
    }

    /// The model, unchecked: what its image is written from.
    fn model<'m>(
        &'m self,
        integers: &'m Integers,
        calibrations: &'m [CalibrationSpec],
        answers: &'m Answers,
    ) -> Result<Model<'m>, WriteError> {
        let stream = self.stream.as_ref().map(|stream| Stream {
            front_end: stream.front_end.clone(),
            hop: stream.hop,
            rate_millihertz: stream.rate_millihertz,
            exponents: &stream.exponents,
        });
        let tables = calibrations.iter().map(|table| Ok(table.table()));
        let mut model = Model::blank();
        model.name = Text::new(&self.name);
        model.columns = integers.columns.as_bytes();
        model.input_ceiling = self.input_ceiling;
        model.picture_width = self.picture_width.into();
        model.latents = narrow("latents", self.latents())?;
        model.latent_fraction_bits = self.latent_fraction_bits.into();
        model.posterior = self.posterior;
        model.centers = &integers.centers;
        model.exponents = &integers.exponents;
        model.stream = stream;
        model.typical = &integers.typical;
        model.gains = &integers.gains;
        model.conditions = &integers.conditions;
        model.prior = self.prior.integers(integers);
        model.likelihood = self.likelihood.integers(integers);
        model.packing = self.packing;
        model.encoder = self.stack(
            "hidden layers of the encoder",
            &self.encoder,
            &self.heads,
            &integers.encoder,
        )?;
        model.decoder = self.stack(
            "hidden layers of the decoder",
            &self.decoder,
            &self.output,
            &integers.decoder,
        )?;
        model.statistics = self.statistics.integers();
        model.calibrations = collect("calibration tables", MAX_CALIBRATIONS, tables)?;
        model.noise = self.noise;
        model.self_test = SelfTestVector {
            reading: &self.self_test_reading,
            expected: List::new(&[]),
            hashes: &answers.hashes,
        };
        Ok(model)
    }

    /// The layers of a network.
    fn stack<'m>(
        &self,
        what: &'static str,
        hidden: &'m [LayerSpec],
        last: &'m DenseSpec,
        weights: &'m [Vec<u8>],
    ) -> Result<Stack<'m>, WriteError> {
        let mut weights = weights.iter();
        let mut dense = |spec: &'m DenseSpec| Dense {
            columns: spec.columns(),
            packing: self.packing,
            bits: spec.bits,
            weights: weights.next().map_or(&[], Vec::as_slice),
            rows: &spec.rows,
            bounds: Bounds::UNKNOWN,
        };
        let layers = hidden.iter().map(|layer| {
            Ok(Hidden {
                kind: layer.kind,
                dense: dense(&layer.dense),
                quantization: layer
                    .activation
                    .quantization(layer.zero_point, layer.ceiling),
                activation: layer.activation,
            })
        });
        Ok(Stack {
            hidden: collect(what, MAX_LAYERS, layers)?,
            last: dense(last),
        })
    }

    /// The image of [`ImageSpec::model`].
    fn image_of(&self, model: &Model<'_>, answers: &Answers) -> Result<AlignedImage, WriteError> {
        let too_long = |_| WriteError::TooMany {
            what: "bytes of text on columns",
            have: model.columns.len(),
            most: u32::MAX as usize,
        };
        let (encoder, decoder) = (layers_of(&model.encoder)?, layers_of(&model.decoder)?);
        let statistics = statistics_of(model)?;
        let expected = written(answers.scores.iter().copied().map(Ok))?;
        let header = Header {
            name: model.name,
            columns: model.columns.len().try_into().map_err(too_long)?,
            inputs: narrow("inputs", self.modelled())?,
            conditions: narrow("conditions", model.conditions.len())?,
            input_ceiling: model.input_ceiling,
            picture_width: self.picture_width,
            latents: model.latents,
            latent_fraction_bits: self.latent_fraction_bits,
            posterior: model.posterior,
            stream: self.stream.as_ref().map(|stream| StreamHeader {
                front_end: stream.front_end.clone(),
                hop: stream.hop,
                rate_millihertz: stream.rate_millihertz,
            }),
            prior: self.prior.header()?,
            likelihood: likelihood_header(&model.likelihood)?,
            packing: model.packing,
            encoder: List::new(&encoder),
            decoder: List::new(&decoder),
            statistics: List::new(&statistics),
            noise: model.noise,
            expected: List::new(&expected),
        };
        let header = postcard::to_stdvec(&header).map_err(WriteError::Header)?;
        let mut tensors = TensorWriter::default();
        model.write_tensors(&mut tensors);
        Ok(AlignedImage::new(&seal(&header, &tensors.bytes)))
    }
}

impl PriorSpec {
    fn header(&self) -> Result<PriorHeader, WriteError> {
        Ok(match self {
            Self::Standard => PriorHeader::Standard,
            Self::Mixture(components) => PriorHeader::Mixture {
                components: narrow("components of the prior", components.len())?,
            },
            Self::Bernoulli(_) => PriorHeader::Bernoulli,
        })
    }

    fn integers<'m>(&self, integers: &'m Integers) -> Prior<'m> {
        match self {
            Self::Standard => Prior::Standard,
            Self::Mixture(_) => Prior::Mixture(Mixture {
                log_weights: &integers.mixture.log_weights,
                means: &integers.mixture.means,
                log_variances: &integers.mixture.log_variances,
                precisions: &integers.mixture.precisions,
            }),
            Self::Bernoulli(_) => Prior::Bernoulli(Coins {
                log_odds: &integers.log_odds,
            }),
        }
    }
}

impl LikelihoodSpec {
    fn integers<'m>(&self, integers: &'m Integers) -> Likelihood<'m> {
        let numbers = &integers.likelihood;
        match self {
            Self::Binomial { trials } => {
                Likelihood::Binomial(Binomial::unchecked(*trials, &numbers.log_choose))
            }
            Self::Location(location) => Likelihood::Location(Location {
                family: location.family,
                predicted_scale: location.predicted_scale,
                centers: &integers.centers,
                standardize: &numbers.standardize,
                units: &numbers.units,
                log_normalizers: &numbers.log_normalizers,
            }),
            Self::Heterogeneous(_) => Likelihood::Heterogeneous(Heterogeneous {
                kinds: &numbers.kinds,
                words: &numbers.words,
                centers: &integers.centers,
                tables: &numbers.tables,
            }),
        }
    }
}

fn likelihood_header(likelihood: &Likelihood<'_>) -> Result<LikelihoodHeader, WriteError> {
    Ok(match likelihood {
        Likelihood::Binomial(binomial) => LikelihoodHeader::Binomial {
            trials: binomial.trials(),
        },
        Likelihood::Location(location) => LikelihoodHeader::Location {
            family: location.family,
            predicted_scale: location.predicted_scale,
        },
        Likelihood::Heterogeneous(heterogeneous) => LikelihoodHeader::Heterogeneous {
            entries: narrow(
                "entries of the tables of counts",
                heterogeneous.tables.len(),
            )?,
        },
    })
}

/// The statistics of a model as the header lists them.
fn statistics_of(model: &Model<'_>) -> Result<Vec<u8>, WriteError> {
    let tables = |of| {
        let tables = model.calibrations.iter().filter(|table| table.of == of);
        written(tables.map(|table| {
            Ok(CalibrationHeader {
                estimator: table.estimator,
                knots: narrow("knots of a calibration table", table.knots())?,
                tail: table.tail,
                mean: table.mean.to_bits(),
                standard_deviation: table.standard_deviation.to_bits(),
            })
        }))
    };
    let (of_bound, of_joined) = (tables(Calibrated::Bound)?, tables(Calibrated::Joined)?);
    let Statistics {
        prototypes,
        columns,
        curves,
    } = &model.statistics;
    let kinds = [
        (StatisticKind::Bound, &curves.bound, true, &*of_bound),
        (
            StatisticKind::Reconstruction,
            &curves.reconstruction,
            !curves.reconstruction.values.is_empty(),
            &[],
        ),
        (
            StatisticKind::Prototypes {
                count: narrow("prototypes", model.prototypes())?,
                gain: prototypes.gain,
                narrow: prototypes.bits == WeightBits::Four,
            },
            &curves.prototypes,
            !prototypes.rows.is_empty(),
            &[],
        ),
        (
            StatisticKind::Columns {
                knots: columns.knots as u8,
            },
            &curves.columns,
            !columns.values.is_empty(),
            &[],
        ),
        (
            StatisticKind::Joined,
            &Curve::ZERO,
            !of_joined.is_empty() || model.calibrations.iter().any(|table| table.tail > 0),
            &*of_joined,
        ),
    ];
    let there = kinds.into_iter().filter(|&(_, _, there, _)| there);
    written(there.map(|(kind, curve, _, tables)| {
        Ok(StatisticHeader {
            kind,
            knots: narrow("knots of a curve", curve.values.len())?,
            calibrations: List::new(tables),
        })
    }))
}

/// The layers of a network as the header lists them.
fn layers_of(stack: &Stack<'_>) -> Result<Vec<u8>, WriteError> {
    let header = |kind, dense: &Dense<'_>, outputs| {
        Ok(LayerHeader {
            kind,
            rows: narrow("rows of a layer", dense.rows.len())?,
            bits: dense.bits,
            outputs,
        })
    };
    let hidden = stack.hidden.iter().map(|layer| {
        let outputs = OutputsHeader::Quantized {
            activation: layer.activation,
            zero_point: layer.quantization.zero_point,
            ceiling: layer.quantization.ceiling,
        };
        header(layer.kind, &layer.dense, outputs)
    });
    let last = header(LayerKind::Dense, &stack.last, OutputsHeader::Wide);
    written(hidden.chain([last]))
}

/// The elements of a list one behind the other.
fn written<T: Serialize>(
    elements: impl IntoIterator<Item = Result<T, WriteError>>,
) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    for element in elements {
        bytes.extend(postcard::to_stdvec(&element?).map_err(WriteError::Header)?);
    }
    Ok(bytes)
}

fn narrow(what: &'static str, have: usize) -> Result<u16, WriteError> {
    u16::try_from(have).map_err(|_| WriteError::TooMany {
        what,
        have,
        most: u16::MAX.into(),
    })
}

/// A list that has room for `most` items.
fn collect<T, const N: usize>(
    what: &'static str,
    most: usize,
    items: impl ExactSizeIterator<Item = Result<T, WriteError>>,
) -> Result<heapless::Vec<T, N>, WriteError> {
    let have = items.len();
    let mut list = heapless::Vec::new();
    for item in items {
        let too_many = |_| WriteError::TooMany { what, have, most };
        list.push(item?).map_err(too_many)?;
    }
    Ok(list)
}
