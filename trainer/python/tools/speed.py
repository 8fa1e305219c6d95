"""Readings a second of elbow beside ONNX Runtime's int8 on the same networks, in one run.

Networks 640-128-128-z8-128-128-640: the encoder, and the decoder at the 16 sigma points of its posterior. ONNX Runtime runs the
networks alone, quantized statically (QDQ, a scale for each row of weights, as elbow has), by 256 readings at once and one by one.
elbow computes the whole score: the same networks, the likelihood of each pass, the bound, the other statistics and the p-value.
Both have one core, whose time is counted: what else runs on the machine takes none of it.

    pip install onnx==1.23.2 onnxruntime==1.32.0
    python tools/speed.py
"""

import itertools
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from elbow import Detector

COLUMNS, HIDDEN, LATENTS, PASSES = 640, 128, 8, 16
#: Seconds that each rate is measured for, and the times that this is repeated, each after the others.
SECONDS, REPEATS = 1.0, 5


def draw(count, seed):
    """Readings of 640 sensors that follow eight causes."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(LATENTS, COLUMNS))
    return (rng.normal(size=(count, LATENTS)) @ mixing + rng.normal(0, 0.3, (count, COLUMNS))).astype(np.float32)


def network(path, widths, seed):
    """Write layers of random weights with rectifiers between them, from `widths[0]` numbers to `widths[-1]`."""
    rng = np.random.default_rng(seed)
    nodes, weights, value = [], [], "x"
    for at, (columns, rows) in enumerate(itertools.pairwise(widths)):
        matrix = rng.normal(0, (2 / columns) ** 0.5, (columns, rows)).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{at}"))
        weights.append(numpy_helper.from_array(np.zeros(rows, np.float32), f"b{at}"))
        last = at == len(widths) - 2
        out = "y" if last else f"a{at}"
        nodes.append(helper.make_node("Gemm", [value, f"w{at}", f"b{at}"], [out]))
        value = out
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"r{at}"]))
            value = f"r{at}"
    ends = {"x": widths[0], "y": widths[-1]}.items()
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width]) for name, width in ends]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


class Batches(CalibrationDataReader):
    """Inputs that ranges of activations are measured by."""

    def __init__(self, rows):
        self.rows = iter([{"x": rows}])

    def get_next(self):
        """The next inputs."""
        return next(self.rows, None)


def quantized(folder, name, widths, rows, seed):
    """A network in int8."""
    plain, small = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
    network(plain, widths, seed)
    quantize_static(
        plain,
        small,
        Batches(rows),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return plain, small


def session(path):
    """The network in the file `path`, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def passes(encoder, decoder, rows):
    """Run the encoder, and the decoder at the sigma points of each reading."""
    heads = encoder.run(None, {"x": rows})[0]
    mean, deviation = heads[:, None, :LATENTS], np.exp(0.5 * np.clip(heads[:, LATENTS:], -8, 1))
    offsets = (LATENTS**0.5 * deviation)[:, :, None] * np.eye(LATENTS, dtype=np.float32)
    latents = np.concatenate([mean + offsets, mean - offsets], axis=1).astype(np.float32)
    return decoder.run(None, {"x": latents.reshape(-1, LATENTS)})[0]


def rate(work, readings):
    """Readings in a second of this process, by `work`, which does so many at a time."""
    work()
    began, done = time.process_time(), 0
    while time.process_time() - began < SECONDS:
        work()
        done += readings
    return done / (time.process_time() - began)


def main():
    """Measure, and print a line for each."""
    train, rows = draw(3000, 1), draw(4096, 2)
    detector = Detector(
        encoder=[HIDDEN, HIDDEN], decoder=[HIDDEN, HIDDEN], latents=LATENTS, epochs=5, keep_dead_latents=True, name="speed"
    ).fit(train)
    model = detector.model_
    raw = model.raw(rows)
    assert (model.score(raw[:8]).passes == PASSES).all()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        latents = np.random.default_rng(3).normal(size=(4096, LATENTS)).astype(np.float32)
        encoder = quantized(folder, "encoder", [COLUMNS, HIDDEN, HIDDEN, 2 * LATENTS], train[:1024], 4)
        decoder = quantized(folder, "decoder", [LATENTS, HIDDEN, HIDDEN, COLUMNS], latents, 5)
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
        ways = {"elbow, whole scores": (lambda: model.score(raw), len(rows))}
        for kind, which in (("int8", 1), ("float32", 0)):
            networks = [session(pair[which]) for pair in (encoder, decoder)]
            for batch in (256, 1):
                name = f"ONNX Runtime {onnxruntime.__version__}, {kind}, networks alone, {batch} at once"
                ways[name] = (lambda networks=networks, batch=batch: passes(*networks, rows[:batch]), batch)
        rates = {name: [] for name in ways}
        for _ in range(REPEATS):
            for name, (work, readings) in ways.items():
                rates[name].append(rate(work, readings))
        for name, found in rates.items():
            print(f"{name}: {np.median(found):.0f} readings a second of a core (from {min(found):.0f} to {max(found):.0f})")


if __name__ == "__main__":
    main()
