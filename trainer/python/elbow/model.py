"""An image as a device has it."""

import json
from pathlib import Path

import numpy as np

from . import _columns
from ._native import Image, read_run
from ._warnings import warn


class Scores:
    """Scores of readings: the device's integers, and what they are worth.

    Attributes
    ----------
    elbo_q16, reconstruction_q16, kl_q16, surprise_q16 : ndarray of int32, (rows,)
        Nats times 65536: the bound on log p(x), its terms `E_q[log p(x|z)]` and `KL(q(z|x) || p(z))`, and -ln of the p-value,
        which goes on where the p-value ends.
    p_value_q31 : ndarray of uint32, (rows,)
        P-values times 2**31.
    standard_error : ndarray of float64, (rows,)
        Of a bound that was drawn, nats; NaN where it was not.
    passes : ndarray of uint16, (rows,)
        Decoder passes.
    statistic : list of str
        The statistic that each p-value is owed to.
    """

    def __init__(self, numbers):
        self.__dict__.update(numbers)

    def __len__(self):
        return len(self.elbo_q16)

    @property
    def elbo(self):
        """The bound on log p(x), nats, (rows,)."""
        return self.elbo_q16 / 65536

    @property
    def reconstruction(self):
        """`E_q[log p(x|z)]`, nats, (rows,)."""
        return self.reconstruction_q16 / 65536

    @property
    def kl(self):
        """`KL(q(z|x) || p(z))`, nats, (rows,)."""
        return self.kl_q16 / 65536

    @property
    def surprise(self):
        """-ln of the p-value, nats, (rows,)."""
        return self.surprise_q16 / 65536

    @property
    def p_value(self):
        """The share of normal readings that are as strange, (rows,)."""
        return self.p_value_q31 / 2**31

    def to_dict(self):
        """A column for each number, under the names that `trainer score` has for them, for a DataFrame of any library."""
        return {
            "reading": np.arange(len(self)),
            "elbo": self.elbo,
            "reconstruction": self.reconstruction,
            "kl": self.kl,
            "standard_error": self.standard_error,
            "p_value": self.p_value,
            "passes": self.passes,
            "elbo_q16": self.elbo_q16,
            "reconstruction_q16": self.reconstruction_q16,
            "kl_q16": self.kl_q16,
            "p_value_q31": self.p_value_q31,
            "statistic": self.statistic,
        }

    def __repr__(self):
        return f"<Scores of {len(self)} readings, mean bound {self.elbo.mean():.3f} nats>"


class Model:
    """A model as a device has it.

    Every number comes from the runtime that the chip runs, in its integers.

    Parameters
    ----------
    image : bytes, str or Path
        An image, or a file that holds one, or the folder of a run.
    config : str, optional
        The settings of the run that the image is of, TOML; from the folder where one is given. With them columns of other roles
        than readings are known.

    Attributes
    ----------
    image : bytes
        The image.
    config : str or None
        The settings of its run.
    """

    def __init__(self, image, config=None):
        if not isinstance(image, (bytes, bytearray, memoryview)):
            path = Path(image)
            if path.is_dir():
                files = dict(read_run(path))
                image = files["model.elbow"]
                config = files["config.toml"].decode() if config is None else config
            else:
                image = path.read_bytes()
        self.image = bytes(image)
        self.config = config
        self._native = Image(self.image, config)
        self._described = self._native.describe()

    def __reduce__(self):
        return (Model, (self.image, self.config))

    def __repr__(self):
        what = self._described
        return (
            f"<Model {what['name']!r}: readings of {what['inputs']}, {what['latents']} latents, "
            f"{what['image_bytes']} bytes of image, {what['workspace_bytes']} bytes of workspace>"
        )

    def __getattr__(self, name):
        # Facts of the image are attributes: inputs, latents, image_bytes...
        if name.startswith("_") or name not in self._described:
            raise AttributeError(f"a Model has no {name!r}; facts of the image are {', '.join(self.facts)}")
        return self._described[name]

    @property
    def facts(self):
        """The image's facts, a dictionary: columns, inputs, latents, sizes."""
        return dict(self._described)

    def _given(self, data):
        if isinstance(data, _columns.Columns):
            return data
        if isinstance(data, np.ndarray) and data.dtype == np.int16:
            return np.ascontiguousarray(data)
        return _columns.table(data)

    def _told(self, result):
        """A result without the notes behind it, which are warnings."""
        *values, notes = result
        for note in notes:
            warn(note)
        return values[0] if len(values) == 1 else tuple(values)

    def raw(self, data):
        """The raw integers of readings, (rows, numbers) of int16, as a device takes them."""
        return self._told(self._native.raw(self._given(data)))

    def score(self, data, estimator=None, seed=0):
        """Score readings.

        Parameters
        ----------
        data : array, DataFrame, Arrow table, or int16 array of raw readings, (rows, columns)
            Readings in the units of the data that the model was trained on; NaN is missing. Of a model of a stream, samples.
        estimator : str, optional
            `sigma-points`, `posterior-mean`, `monte-carlo:K` or `importance-weighted:K`; by default the one that suits the model
            best.
        seed : int
            Seed of the random draws; reading i draws from stream i.

        Returns
        -------
        Scores
        """
        return Scores(self._told(self._native.score(self._given(data), estimator, seed)))

    def encode(self, data):
        """Mean and deviation of q(z|x), (rows, latents) each."""
        return self._told(self._native.encode(self._given(data)))

    def decode(self, latents):
        """`E[x|z]` of latents (rows, latents), in the units of the data, (rows, inputs)."""
        return self._native.decode(np.ascontiguousarray(latents, dtype=np.float64))

    def packets(self, data):
        """The packets of telemetry that a device sends of readings, a bytes object each: the means of q(z|x), quantized."""
        return self._told(self._native.packets(self._given(data)))

    def unpack(self, packets):
        """What packets stand for: sequence numbers (packets,), latents (packets, latents), and readings (packets, inputs)."""
        return self._native.unpack([bytes(packet) for packet in packets])

    def sample(self, count, seed=0):
        """`E[x|z]` of `count` draws of z from the prior, in the units of the data, (count, inputs)."""
        return self._native.sample(count, seed)

    def explain(self, data, rows=None, top=5):
        """Why readings are strange, column by column.

        Parameters
        ----------
        data : see `score`
        rows : list of int, optional
            The readings to explain; by default the `top` strangest.

        Returns
        -------
        list of dict
            For each reading its bound, its p-value, and of each column its value, what the model makes of it, and how many
            nats it lacks to what is usual of it.
        """
        return [json.loads(told) for told in self._told(self._native.explain(self._given(data), rows, top))]

    def export_c(self, path):
        """Write a header and a source in C, `path` ending in .h and .c, as `trainer export --c` does; return both paths."""
        return self._native.export_c(Path(path))

    def export_rust(self, path):
        """Write a module in Rust, as `trainer export --rust` does; return its path."""
        return self._native.export_rust(Path(path))
