"""The table of detection, made by Python, is that of `cargo xtask detection`: `cargo xtask python --long detection`."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from elbow import Detector

SETS = ["broken-correlation", "rare-flag", "between-modes", "one-of-60", "too-ordinary"]


def area(scores, anomalous):
    """The part of all pairs of a normal and an anomalous reading of which the latter has the lower score; ties count half."""
    normal, strange = np.sort(scores[~anomalous]), scores[anomalous]
    above = len(normal) - np.searchsorted(normal, strange, "right")
    ties = np.searchsorted(normal, strange, "right") - np.searchsorted(normal, strange, "left")
    return (2 * above.sum() + ties.sum()) / (2 * len(normal) * len(strange))


@pytest.mark.long
def test_the_table_of_detection_is_that_of_the_command_line(tmp_path):
    command = ["cargo", "xtask", "detection", "--seeds", "2", "--sets", ",".join(SETS), "--keep", tmp_path, "--json"]
    printed = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True).stdout
    rows = json.loads(printed)["rows"]
    assert [(row["set"], row["seed"]) for row in rows] == [(name, seed) for name in SETS for seed in (0, 1)]
    for row in rows:
        folder = tmp_path / f"{row['set']}-seed-{row['seed']}"
        detector = Detector(test_fraction=0.1, seed=row["seed"] + 1, name="train").fit(np.load(folder / "train.npy"))
        scores = detector.scores(np.load(folder / "test.npy"))
        anomalous = np.load(folder / "labels.npy").ravel() == 1
        assert area(scores.elbo_q16, anomalous) == pytest.approx(row["auc_bound"], abs=1e-12)
        # Among equal p-values the bound decides.
        pairs = np.column_stack([scores.p_value_q31.astype(np.int64), scores.elbo_q16])
        _, places = np.unique(pairs, axis=0, return_inverse=True)
        assert area(places.ravel(), anomalous) == pytest.approx(row["auc_p_value"], abs=1e-12)
        for rate, alarms in zip((0.05, 0.01, 0.001), row["alarms"], strict=True):
            assert np.sum(scores.p_value_q31[~anomalous] <= np.ceil(rate * 2**31)) == alarms
        print(f"{row['set']} seed {row['seed']}: {row['auc_bound']:.4f} by the bound, {row['auc_p_value']:.4f} by p-values")
