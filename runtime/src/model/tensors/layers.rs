//! Tensors of layers.

#[cfg(feature = "image")]
use crate::format::TensorWriter;
use crate::format::{Defect, LayerHeader, List, OutputsHeader, Tensors};
use crate::kernel::{Bounds, Dense, Packing, Row, WeightBits};
use crate::layer::{Hidden, LayerKind, Stack};

/// The numbers that a layer takes in.
#[derive(Clone, Copy)]
pub(super) struct Inputs {
    pub(super) count: usize,
    /// The largest magnitude.
    pub(super) largest: i64,
}

/// Reads layers into `stack`; the first takes `inputs` in, and the last, the only one of wide outputs, gives
/// `outputs` numbers.
#[inline(never)]
pub(super) fn read_stack<'a>(
    tensors: &mut Tensors<'a>,
    packing: Packing,
    layers: List<'_, LayerHeader>,
    mut inputs: Inputs,
    outputs: usize,
    stack: &mut Stack<'a>,
) {
    let mut ended = false;
    for layer in layers.iter() {
        let shape = layer.kind.shape(inputs.count, layer.rows.into());
        inputs.count = shape.columns;
        tensors.require(!ended, Defect::LayerOrder);
        let OutputsHeader::Quantized {
            activation,
            zero_point,
            ceiling,
        } = layer.outputs
        else {
            ended = true;
            let fits = layer.kind == LayerKind::Dense && shape.rows == outputs;
            tensors.require(fits, Defect::Outputs);
            stack.last = read_dense(tensors, packing, layer.bits, inputs, shape.rows);
            continue;
        };
        tensors.require(shape.outputs() > 0, Defect::NoOutputs);
        let dense = read_dense(tensors, packing, layer.bits, inputs, shape.rows);
        tensors.require(
            ceiling > 0 && (-ceiling..=ceiling).contains(&zero_point),
            Defect::ZeroPoint,
        );
        // One layer more than there is room for would be the last.
        let _ = stack.hidden.push(Hidden {
            kind: layer.kind,
            dense,
            quantization: activation.quantization(zero_point, ceiling),
            activation,
        });
        inputs = Inputs {
            count: shape.outputs(),
            largest: ceiling.into(),
        };
    }
    tensors.require(ended, Defect::LayerOrder);
}

/// Writes what [`read_stack`] reads.
#[cfg(feature = "image")]
pub(super) fn write_stack(tensors: &mut TensorWriter, stack: &Stack<'_>) {
    let hidden = stack.hidden.iter().map(|layer| layer.dense);
    for dense in hidden.chain([stack.last]) {
        tensors.push(dense.rows);
        tensors.push(dense.weights);
    }
}

/// Reads a matrix that is applied to `inputs`.
#[inline(never)]
fn read_dense<'a>(
    tensors: &mut Tensors<'a>,
    packing: Packing,
    bits: WeightBits,
    inputs: Inputs,
    rows: usize,
) -> Dense<'a> {
    let columns = inputs.count;
    let weights = bits.bytes(packing, columns, rows);
    tensors.require(weights.is_some(), Defect::Weights);
    let mut dense = Dense {
        columns,
        packing,
        bits,
        rows: tensors.next(rows),
        weights: tensors.next(weights.unwrap_or(0)),
        bounds: Bounds::UNKNOWN,
    };
    // Of an image that has ended the weights are missing.
    if tensors.is_intact() {
        let valid = |row: &Row| row.multiplier.is_valid();
        tensors.require(dense.rows.iter().all(valid), Defect::Multiplier);
        let bounds = dense.proves_bound(inputs.largest);
        tensors.require(bounds.is_ok(), Defect::Accumulator);
        dense.bounds = bounds.unwrap_or(Bounds::UNKNOWN);
    }
    dense
}
