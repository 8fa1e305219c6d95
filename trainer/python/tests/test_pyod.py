"""PyOD takes the detector for one of its own."""

import joblib
import numpy as np
import pytest
from pyod.models.base import BaseDetector
from pyod.models.iforest import IForest
from pyod.utils.utility import precision_n_scores, standardizer
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from elbow import Detector
from elbow.pyod import ELBOW


@pytest.fixture(scope="module")
def rows(pump, strange):
    return np.concatenate([pump[:950], strange]), np.r_[np.zeros(950, int), np.ones(len(strange), int)]


@pytest.fixture(scope="module")
def model(rows):
    return ELBOW(contamination=0.05, detector=Detector(latents=1, epochs=40)).fit(rows[0])


def test_the_attributes_are_those_of_pyod(model, rows):
    X, _ = rows
    assert isinstance(model, BaseDetector)
    assert model.decision_scores_.shape == model.labels_.shape == (len(X),)
    # The threshold is a percentile of the scores: one in twenty is above it, but for ties.
    assert model.threshold_ == np.percentile(model.decision_scores_, 95)
    assert np.array_equal(model.labels_, (model.decision_scores_ > model.threshold_).astype(int))
    assert 0 < model.labels_.sum() <= 0.05 * len(X)


def test_scores_are_the_detector_s(model, rows):
    X, _ = rows
    scores = model.decision_function(X)
    assert np.array_equal(scores, model.decision_scores_)
    assert np.array_equal(scores, model.detector_.scores(X).surprise)
    again = Detector(latents=1, epochs=40).fit(X)
    assert again.model_.image == model.detector_.model_.image


def test_what_pyod_makes_of_scores(model, rows):
    X, y = rows
    assert np.array_equal(model.predict(X), model.labels_)
    labels, confidence = model.predict(X, return_confidence=True)
    assert np.array_equal(labels, model.labels_)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    for method in ("linear", "unify"):
        probabilities = model.predict_proba(X, method=method)
        assert probabilities.shape == (len(X), 2)
        assert np.allclose(probabilities.sum(axis=1), 1)
    assert set(model.predict_with_rejection(X, c_r=0.05)) <= {-2, 0, 1}
    assert 0 <= precision_n_scores(y, model.decision_scores_) <= 1
    forest = IForest(random_state=0).fit(X)
    joined = standardizer(np.column_stack([model.decision_scores_, forest.decision_scores_])).mean(axis=1)
    assert roc_auc_score(y, joined) > 0.5


def test_it_is_cloned_set_and_stored(model, rows, tmp_path):
    X, _ = rows
    fresh = clone(model)
    assert fresh.contamination == 0.05 and fresh.detector.latents == 1 and not hasattr(fresh, "detector_")
    assert fresh.set_params(contamination=0.2, detector__latents=2).detector.latents == 2
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(loaded.decision_function(X[:100]), model.decision_function(X[:100]))
    with pytest.raises(ValueError, match="contamination"):
        ELBOW(contamination=0.7)
    with pytest.raises(ValueError, match="not fitted"):
        ELBOW().decision_function(X)
