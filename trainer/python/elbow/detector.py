"""An estimator of scikit-learn's kind."""

import json
import sys
import time

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.utils.validation import _check_feature_names, _check_n_features, check_is_fitted, column_or_1d

from . import _columns, _native
from ._settings import PATHS, Settings
from ._warnings import LOGGER, warn
from .model import Model

#: Files of a run folder.
IMAGE, CONFIG, SUMMARY, REPORT, METRICS = (
    "model.elbow",
    "config.toml",
    "summary.json",
    "report.html",
    "metrics.jsonl",
)


class Detector(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OutlierMixin, Settings):  # noqa: D101
    __doc__ = f"""A detector of anomalies that a microcontroller runs: a variational autoencoder, in integers.

    `fit` does what `trainer fit` does: it trains, quantizes, calibrates on readings that were held back, and evaluates. All
    scores are those of the image, by the runtime that a chip runs.

    {Settings.PARAMETERS}

    Attributes
    ----------
    model_ : Model
        The image and what is known of its data.
    summary_ : dict
        The results of training: bounds, calibration, sizes.
    history_ : list of dict
        The metrics of each epoch.
    notes_, warnings_ : list of str
        What was done and assumed, and what may mislead.
    offset_ : float
        `decision_function` is `score_samples` less this.
    decision_scores_, labels_, threshold_ : ndarray, ndarray, float
        PyOD's words for the rows of `fit`: how surprising each is, nats; 1 where it is an outlier, else 0; the least surprise of
        an outlier.
    n_features_in_, feature_names_in_ : see scikit-learn

    Examples
    --------
    >>> import numpy as np
    >>> from elbow import Detector
    >>> rng = np.random.default_rng(0)
    >>> flow = rng.normal(30, 1, 2000)
    >>> pump = np.column_stack([flow, 0.2 * flow + rng.normal(0, 0.02, 2000)])
    >>> detector = Detector(latents=1, epochs=100).fit(pump)
    >>> detector.predict([[30.5, 6.1], [30.5, 5.0]])
    array([ 1, -1])
    """

    def fit(self, X, y=None):
        """Train on the rows of `X`.

        Parameters
        ----------
        X : array, DataFrame of pandas or polars, or Arrow table, (rows, columns)
            NaN and null are missing. The columns of a table have roles by what is obvious, or by the parameters.
        y : array of 0 and 1, or of 1 and -1, (rows,), optional
            0, or 1 beside -1, are normal rows, which are learned from. The others only say what ranges must hold, and test.

        Returns
        -------
        self
        """
        table = self._take(X, reset=True)
        anomalous = self._anomalous(y, _rows(table))
        told = _Told(self.verbose)
        files = _native.fit(table, self.name, self._toml(), anomalous, told)
        told.end()
        self._files = dict(files)
        self.notes_, self.warnings_ = told.notes, told.warnings
        self._open()
        surprise = self._score(table).surprise
        self.threshold_ = -self.offset_
        self.decision_scores_ = surprise
        self.labels_ = (surprise > self.threshold_).astype(int)
        for line in told.warnings:
            warn(line)
        return self

    def _open(self):
        """Makes what is known of the files of the run."""
        config = self._files[CONFIG].decode()
        self.model_ = Model(self._files[IMAGE], config)
        self.summary_ = json.loads(self._files[SUMMARY])
        lines = self._files[METRICS].decode().splitlines()
        self.history_ = [json.loads(line) for line in lines]
        self.n_iter_ = max(len(lines), 1)
        self._n_features_out = self.model_.latents
        # Half a unit of a surprise above that of the rate: what is as likely as it is no outlier.
        self.offset_ = -(np.round(-np.log(self.false_alarm_rate) * 65536) + 0.5) / 65536

    def _toml(self):
        """The parameters that were set, as the settings of a run."""
        rate = self.false_alarm_rate
        if not 0 < rate < 1:
            raise ValueError(f"false_alarm_rate is {rate}: give a number between 0 and 1, such as 0.01")
        given = {name: getattr(self, name) for name in PATHS}
        return "".join(f"{PATHS[name]} = {_value(value)}\n" for name, value in given.items() if value is not None)

    def _take(self, X, reset=False):
        """The columns of `X`, which are those of `fit`."""
        table = _columns.table(X)
        if reset and _rows(table) < 2:
            raise ValueError(f"Found array with {_rows(table)} sample(s), and a detector needs 2 or more: 1 sample has no spread")
        if not reset and _rows(table) < 1:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required")
        if isinstance(table, np.ndarray):
            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, table, reset=reset)
        elif reset:
            self.n_features_in_ = len(table)
            self.feature_names_in_ = np.array(_columns.names(X), dtype=object)
        return table

    def _anomalous(self, y, rows):
        """Which rows are anomalous; none where nobody said."""
        if y is None:
            return None
        y = column_or_1d(y, warn=True)
        if len(y) != rows:
            raise ValueError(f"X has {rows} rows and y {len(y)} labels: give one for each row")
        values = set(np.unique(y).tolist())
        if values <= {0, 1}:
            return [bool(label) for label in y]
        if values <= {1, -1}:
            return [label == -1 for label in y]
        warn(f"y has the values {sorted(values)[:5]}, and was left out: 0 is a normal row and 1 an anomalous one, or 1 and -1")
        return None

    def _score(self, table):
        return self.model_.score(table, self.estimator)

    def scores(self, X):
        """All that the device computes of each row: `Scores`, with its integers."""
        check_is_fitted(self, "model_")
        return self._score(self._take(X))

    def score_samples(self, X):
        """The log of each row's p-value, nats, (rows,): the lower, the more abnormal.

        It is -1 times the device's surprise, by which readings are ordered also where p-values are too small to tell apart. The
        bound on log p(x) is `elbo`.
        """
        return -self.scores(X).surprise

    def elbo(self, X):
        """The bound on log p(x) of each row, nats, (rows,)."""
        return self.scores(X).elbo

    def p_values(self, X):
        """The share of normal readings that are as strange as each row, (rows,)."""
        return self.scores(X).p_value

    def decision_function(self, X):
        """`score_samples` less `offset_`, (rows,): below 0 is an outlier."""
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """1 for a normal row, -1 for one whose p-value is below `false_alarm_rate`, (rows,)."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def transform(self, X):
        """The means of q(z|x), (rows, latents)."""
        check_is_fitted(self, "model_")
        return self.model_.encode(self._take(X))[0]

    def inverse_transform(self, X):
        """`E[x|z]` of latents (rows, latents), in the units of the data."""
        check_is_fitted(self, "model_")
        return self.model_.decode(_columns.matrix(X))

    def sample(self, n_samples=1, seed=0):
        """`E[x|z]` of draws of z from the prior, in the units of the data, (n_samples, inputs)."""
        check_is_fitted(self, "model_")
        return self.model_.sample(n_samples, seed)

    def explain(self, X, rows=None, top=5):
        """Why rows are strange, column by column: see `Model.explain`."""
        check_is_fitted(self, "model_")
        return self.model_.explain(self._take(X), rows, top)

    @property
    def report_(self):
        """The report of the run, a page in HTML."""
        check_is_fitted(self, "model_")
        return self._files[REPORT].decode()

    def save(self, folder, force=False):
        """Write the folder of the run, as `trainer fit` does: every command of `trainer` takes it.

        What the folder holds is refused, or with `force` a run in it replaced.
        """
        check_is_fitted(self, "model_")
        _native.write_run(folder, list(self._files.items()), force)

    @classmethod
    def load(cls, folder, **parameters):
        """The detector in the folder of a run, of `trainer fit` or of `save`. Parameters are those that are no settings."""
        detector = cls(**parameters)
        detector._files = dict(_native.read_run(folder))
        detector.notes_, detector.warnings_ = [], []
        detector._open()
        names = [name for name, _ in detector.model_.columns]
        detector.n_features_in_ = len(names)
        if all(names):
            detector.feature_names_in_ = np.array(names, dtype=object)
        return detector

    def export_c(self, path):
        """Write the model for a program in C: see `Model.export_c`."""
        check_is_fitted(self, "model_")
        return self.model_.export_c(path)

    def export_rust(self, path):
        """Write the model for a program in Rust: see `Model.export_rust`."""
        check_is_fitted(self, "model_")
        return self.model_.export_rust(path)

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if hasattr(self, "model_"):
            bundle["text/html"] = _framed(self.report_)
        return bundle

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("model_", None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_files" in self.__dict__:
            self.model_ = Model(self._files[IMAGE], self._files[CONFIG].decode())

    def __sklearn_is_fitted__(self):
        return hasattr(self, "model_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags


class _Told:
    """What is said while a model is trained."""

    def __init__(self, verbose):
        self.verbose = verbose
        self.notes, self.warnings = [], []
        self.shown = False
        self.bar = _Bar()

    def __call__(self, word, text):
        if word == "epoch":
            self._epoch(*json.loads(text))
            return
        (self.notes if word == "note" else self.warnings).append(text)
        LOGGER.info(text)

    def _epoch(self, metrics, epochs):
        if not self.verbose:
            return
        held_out = metrics.get("validation_elbo")
        behind = "" if held_out is None else f", held-out {held_out:.3f}"
        text = f"epoch {metrics['epoch']}/{epochs}: bound {metrics['elbo']:.3f}{behind}"
        if self.bar.is_here:
            self.bar.show(metrics["epoch"], epochs, text)
            return
        self.shown = True
        print(f"\r{text} ", end="", file=sys.stderr)

    def end(self):
        self.bar.end()
        if self.shown:
            print(file=sys.stderr)


class _Bar:
    """A bar below the cell of a notebook, drawn a few times a second."""

    #: Seconds between two pictures.
    PERIOD = 0.1

    def __init__(self):
        # Whoever is in a notebook has imported it.
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        self.is_here = hasattr(shell, "kernel")
        self.handle, self.last, self.due = None, None, 0.0

    def show(self, done, of, text):
        self.last = f'<progress value="{done}" max="{of}"></progress> {text}'
        if time.monotonic() >= self.due:
            self._draw()

    def _draw(self):
        from IPython.display import HTML, display

        self.due = time.monotonic() + self.PERIOD
        picture, self.last = HTML(self.last), None
        if self.handle is None:
            self.handle = display(picture, display_id=True)
        else:
            self.handle.update(picture)

    def end(self):
        """Draws what came last."""
        if self.last is not None:
            self._draw()


def _rows(table):
    if isinstance(table, np.ndarray):
        return len(table)
    if not table:
        return 0
    cells = table[0][2]
    return len(cells["seconds"] if isinstance(cells, dict) else cells[1] if isinstance(cells, tuple) else cells)


def _value(value):
    """A parameter as TOML."""
    if isinstance(value, dict):
        value = [f"{key}={kind}" for key, kind in value.items()]
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, np.generic):
        value = value.item()
    return json.dumps(str(value) if not isinstance(value, (bool, int, float, str)) else value)


def _framed(page):
    """A page inside of another."""
    import html

    return f'<iframe srcdoc="{html.escape(page)}" style="width:100%;height:40em;border:0"></iframe>'
