//! Statistics and calibrations: reader and writer side by side.

use crate::calibration::{Calibrated, Calibration};
use crate::fixed::Nats;
#[cfg(feature = "image")]
use crate::format::TensorWriter;
use crate::format::{CalibrationHeader, Defect, Header, List, MAX_CALIBRATIONS, Tensors};
#[cfg(feature = "statistics")]
use crate::format::{StatisticHeader, StatisticKind};
#[cfg(feature = "statistics")]
use crate::kernel::WeightBits;
use crate::model::Model;
#[cfg(feature = "statistics")]
use crate::requantize::Multiplier;
#[cfg(feature = "statistics")]
use crate::statistic::{Columns, Curve, Prototypes, Statistics, row_bytes};
use heapless::Vec;

impl<'a> Model<'a> {
    /// Reads the tables of the bound, which is all that there is.
    #[cfg(not(feature = "statistics"))]
    pub(super) fn read_statistics(&mut self, tensors: &mut Tensors<'a>, header: &Header<'a>) {
        let tables = &mut self.calibrations;
        read_calibrations(tensors, Calibrated::Bound, header.tables, tables);
    }

    /// Reads the statistics: of each its numbers, its curve, its tables.
    #[cfg(feature = "statistics")]
    pub(super) fn read_statistics(&mut self, tensors: &mut Tensors<'a>, header: &Header<'a>) {
        let mut last = None;
        for statistic in header.statistics.iter() {
            let order = Some(statistic.kind.order());
            let is_bound = statistic.kind == StatisticKind::Bound;
            let is_joined = statistic.kind == StatisticKind::Joined;
            // The bound first, each at most once, and only these two have tables.
            let in_order = order > last && (last.is_some() || is_bound);
            let has_tables = is_bound || is_joined || statistic.calibrations.len() == 0;
            tensors.require(in_order && has_tables, Defect::Statistics);
            last = order;
            self.read_statistic(tensors, &statistic, header.inputs.into());
            let of = match is_joined {
                true => Calibrated::Joined,
                false => Calibrated::Bound,
            };
            read_calibrations(tensors, of, statistic.calibrations, &mut self.calibrations);
        }
        let tails = self.calibrations.iter().any(|table| table.tail > 0);
        let joined = last == Some(StatisticKind::Joined.order());
        tensors.require(joined || !tails, Defect::Statistics);
    }

    #[cfg(feature = "statistics")]
    fn read_statistic(
        &mut self,
        tensors: &mut Tensors<'a>,
        statistic: &StatisticHeader<'_>,
        inputs: usize,
    ) {
        let Statistics {
            prototypes,
            columns,
            curves,
        } = &mut self.statistics;
        let curve = match statistic.kind {
            StatisticKind::Bound => &mut curves.bound,
            StatisticKind::Reconstruction => &mut curves.reconstruction,
            StatisticKind::Prototypes {
                count,
                gain,
                narrow,
            } => {
                let valid = Multiplier::from_word(gain).is_some();
                tensors.require(valid, Defect::Multiplier);
                let bits = match narrow {
                    true => WeightBits::Four,
                    false => WeightBits::Eight,
                };
                *prototypes = Prototypes {
                    gain,
                    bits,
                    rows: tensors.next(usize::from(count) * row_bytes(bits, inputs)),
                };
                &mut curves.prototypes
            }
            StatisticKind::Columns { knots } => {
                let count = usize::from(knots) * inputs;
                *columns = Columns {
                    values: tensors.next(count),
                    surprises: tensors.next(count),
                    knots: knots.into(),
                };
                tensors.require(columns.is_valid(), Defect::Statistics);
                &mut curves.columns
            }
            StatisticKind::Joined => {
                tensors.require(statistic.knots == 0, Defect::Statistics);
                return;
            }
        };
        *curve = Curve {
            values: tensors.next(statistic.knots.into()),
            surprises: tensors.next(statistic.knots.into()),
        };
        tensors.require(curve.is_valid(), Defect::Statistics);
    }

    /// Writes what [`Model::read_statistics`] reads.
    #[cfg(feature = "image")]
    pub(super) fn write_statistics(&self, tensors: &mut TensorWriter) {
        let Statistics {
            prototypes,
            columns,
            curves,
        } = &self.statistics;
        let tables = |tensors: &mut TensorWriter, of| {
            for table in self.calibrations.iter().filter(|table| table.of == of) {
                tensors.push(table.scores);
                tensors.push(table.p_values);
            }
        };
        let curve = |tensors: &mut TensorWriter, curve: &Curve<'_>| {
            tensors.push(curve.values);
            tensors.push(curve.surprises);
        };
        curve(tensors, &curves.bound);
        tables(tensors, Calibrated::Bound);
        curve(tensors, &curves.reconstruction);
        tensors.push(prototypes.rows);
        curve(tensors, &curves.prototypes);
        tensors.push(columns.values);
        tensors.push(columns.surprises);
        curve(tensors, &curves.columns);
        tables(tensors, Calibrated::Joined);
    }
}

#[inline(never)]
fn read_calibrations<'a>(
    tensors: &mut Tensors<'a>,
    of: Calibrated,
    headers: List<'_, CalibrationHeader>,
    calibrations: &mut Vec<Calibration<'a>, MAX_CALIBRATIONS>,
) {
    let _ = of;
    for table in headers.iter() {
        let mut knots = usize::from(table.knots);
        if cfg!(feature = "statistics") {
            knots += usize::from(table.tail);
        }
        let calibration = Calibration {
            estimator: table.estimator,
            #[cfg(feature = "statistics")]
            of,
            #[cfg(feature = "statistics")]
            tail: table.tail,
            scores: tensors.next(knots),
            p_values: tensors.next(knots + 1),
            mean: Nats::from_bits(table.mean),
            standard_deviation: Nats::from_bits(table.standard_deviation),
        };
        tensors.require(calibration.is_valid(), Defect::Calibration);
        if calibrations.push(calibration).is_err() && cfg!(feature = "statistics") {
            // Those of the bound alone always fit.
            tensors.require(false, Defect::Calibration);
        }
    }
}
