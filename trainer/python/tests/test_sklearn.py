"""scikit-learn's own checks, and its tools around a detector."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from elbow import Detector


@parametrize_with_checks([Detector(epochs=20)])
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


def test_a_pipeline_scales_and_detects(pump, strange):
    pipeline = make_pipeline(StandardScaler(), Detector(latents=1, epochs=60)).fit(pump)
    assert pipeline.predict(strange).tolist() == [-1] * len(strange)


def test_a_grid_search_chooses_latents(pump, strange):
    X = np.concatenate([pump, strange])
    y = np.r_[np.zeros(len(pump)), np.ones(len(strange))]

    def auc(detector, X, y):
        return roc_auc_score(y, -detector.score_samples(X))

    search = GridSearchCV(Detector(epochs=40), {"latents": [1, 2]}, scoring=auc, cv=StratifiedKFold(2)).fit(X, y)
    assert search.best_params_["latents"] in (1, 2)
    assert search.best_score_ > 0.95


def test_clones_and_copies_score_the_same(detector, pump, tmp_path):
    scores = detector.scores(pump).elbo_q16
    again = clone(detector).fit(pump)
    assert np.array_equal(again.scores(pump).elbo_q16, scores)
    pickled = pickle.loads(pickle.dumps(detector))
    assert np.array_equal(pickled.scores(pump).elbo_q16, scores)
    joblib.dump(detector, tmp_path / "detector.joblib")
    assert np.array_equal(joblib.load(tmp_path / "detector.joblib").scores(pump).elbo_q16, scores)


def test_a_parameter_that_makes_no_sense_is_refused_by_name(pump):
    with pytest.raises(ValueError, match="latents"):
        Detector(latents=0).fit(pump)
    with pytest.raises(ValueError, match="false_alarm_rate"):
        Detector(false_alarm_rate=2).fit(pump)


def test_pyod_finds_its_words(detector, pump):
    assert detector.decision_scores_.shape == detector.labels_.shape == (len(pump),)
    assert set(detector.labels_.tolist()) <= {0, 1}
    assert np.array_equal(detector.labels_ == 1, detector.decision_scores_ > detector.threshold_)
