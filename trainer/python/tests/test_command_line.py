"""What Python computes is what the command line and the chip compute."""

import csv
import subprocess

import numpy as np
import pytest

from elbow import Detector, Model


def run(trainer, *arguments):
    done = subprocess.run([trainer, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def integers(text):
    rows = list(csv.DictReader(text.splitlines()))
    names = ("elbo_q16", "reconstruction_q16", "kl_q16", "p_value_q31", "passes")
    return {name: np.array([int(row[name]) for row in rows]) for name in names}


def same(scores, expected):
    return all(np.array_equal(getattr(scores, name), numbers) for name, numbers in expected.items())


@pytest.mark.parametrize("estimator", ["sigma-points", "posterior-mean", "monte-carlo:5", "importance-weighted:6"])
def test_scores_are_the_integers_of_the_command_line(trainer, detector, pump, strange, tmp_path, estimator):
    detector.save(tmp_path / "run")
    data = np.concatenate([pump[:200], strange])
    np.save(tmp_path / "data.npy", data)
    expected = integers(run(trainer, "score", tmp_path / "run", tmp_path / "data.npy", "--estimator", estimator, "--seed", 7))
    model = Model(tmp_path / "run")
    assert same(model.score(data, estimator, seed=7), expected)
    assert same(model.score(model.raw(data), estimator, seed=7), expected)


def test_both_train_the_same_image(trainer, pump, tmp_path):
    np.save(tmp_path / "pump.npy", pump)
    run(trainer, "fit", tmp_path / "pump.npy", "--epochs", 30, "--latents", 2, "--out", tmp_path / "run")
    detector = Detector(epochs=30, latents=2, name="pump").fit(pump)
    assert detector.model_.image == (tmp_path / "run" / "model.elbow").read_bytes()
    loaded = Detector.load(tmp_path / "run")
    assert np.array_equal(loaded.scores(pump).elbo_q16, detector.scores(pump).elbo_q16)
    assert np.array_equal(loaded.predict(pump), detector.predict(pump))


def test_labels_teach_both_the_same(trainer, pump, strange, tmp_path):
    X = np.concatenate([pump, strange])
    y = np.r_[np.zeros(len(pump), int), np.ones(len(strange), int)]
    np.savez(tmp_path / "pump.npz", X=X, y=y)
    run(trainer, "fit", tmp_path / "pump.npz", "--epochs", 30, "--latents", 1, "--out", tmp_path / "run")
    detector = Detector(epochs=30, latents=1, name="pump").fit(X, y)
    assert detector.model_.image == (tmp_path / "run" / "model.elbow").read_bytes()
    assert detector.summary_["device"] == Detector.load(tmp_path / "run").summary_["device"]


def test_a_run_folder_is_whole(trainer, detector, tmp_path):
    detector.save(tmp_path / "run")
    with pytest.raises(ValueError, match="force"):
        detector.save(tmp_path / "run")
    detector.save(tmp_path / "run", force=True)
    assert "pump" in run(trainer, "verify", tmp_path / "run")
    assert (tmp_path / "run" / "report.html").read_text() == detector.report_
