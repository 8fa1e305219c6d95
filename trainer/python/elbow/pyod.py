"""The detector under the conventions of PyOD, for its ensembles, thresholds and comparisons."""

from pyod.models.base import BaseDetector
from sklearn.base import clone
from sklearn.utils.validation import check_array, check_is_fitted

from .detector import Detector


class ELBOW(BaseDetector):
    """`Detector` as one of PyOD's: the higher a score, the more abnormal; labels are 0 and 1.

    Parameters
    ----------
    contamination : float in (0, 0.5], default 0.1
        The part of the rows of `fit` that are outliers: the threshold leaves as many above it. `Detector.predict` has a threshold
        by its rate of false alarms instead.
    detector : Detector, optional
        The detector with its parameters, of which a clone is fitted.

    Attributes
    ----------
    detector_ : Detector
        The one that was fitted: images, reports and firmware come from it.
    decision_scores_, threshold_, labels_ : ndarray, float, ndarray
        See PyOD: scores of the rows of `fit`, nats, the least score of an outlier, and 1 for each outlier.

    Examples
    --------
    >>> from elbow import Detector
    >>> from elbow.pyod import ELBOW
    >>> model = ELBOW(contamination=0.05, detector=Detector(latents=4))
    """

    def __init__(self, contamination=0.1, detector=None):
        super().__init__(contamination=contamination)
        self.detector = detector

    def fit(self, X, y=None):
        """Train on the rows of `X`, (rows, columns); NaN is missing. `y` is ignored."""
        X = check_array(X, ensure_all_finite="allow-nan")
        self._set_n_classes(y)
        self.detector_ = clone(self.detector if self.detector is not None else Detector())
        self.detector_.fit(X)
        self.decision_scores_ = self.detector_.decision_scores_
        self._process_decision_scores()
        return self

    def decision_function(self, X):
        """How surprising each row is, nats, (rows,): -ln of its p-value, which goes on where p-values end."""
        check_is_fitted(self, ["decision_scores_", "threshold_", "labels_"])
        return -self.detector_.score_samples(check_array(X, ensure_all_finite="allow-nan"))
