"""Tables of other libraries: their names and types say what columns are."""

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from elbow import Detector


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    count = 800
    flow = rng.normal(30, 1, count)
    return pandas.DataFrame(
        {
            "time": pandas.date_range("2026-01-01", periods=count, freq="min"),
            "flow": flow,
            "head": 0.2 * flow + rng.normal(0, 0.02, count),
            "open": rng.random(count) < 0.3,
            "state": pandas.Categorical(rng.choice(["idle", "run"], count)),
        }
    )


@pytest.fixture(scope="module")
def fitted(frame):
    return Detector(epochs=20, latents=2).fit(frame)


def test_columns_have_roles_and_kinds(fitted):
    columns = fitted.summary_["data"]["columns"]
    roles = {column["name"]: column["role"] for column in columns}
    assert roles["time"] == "time" and roles["flow"] == "reading"
    assert list(fitted.feature_names_in_) == ["time", "flow", "head", "open", "state"]
    assert fitted.model_.inputs == 5


def test_libraries_give_the_same_integers(fitted, frame):
    expected = fitted.scores(frame).elbo_q16
    text = frame.astype({"state": str})
    for other in (
        text,
        polars.from_pandas(text),
        polars.from_pandas(frame),
        pyarrow.Table.from_pandas(frame),
        pyarrow.Table.from_pandas(text).to_batches()[0],
        frame[["state", "head", "time", "open", "flow"]],
    ):
        assert np.array_equal(fitted.scores(other).elbo_q16, expected), type(other)


def test_a_column_that_is_not_there_is_named(fitted, frame):
    with pytest.raises(ValueError, match="head"):
        fitted.predict(frame.drop(columns="head"))


def test_null_is_missing(fitted, frame):
    gaps = polars.from_pandas(frame).with_columns(polars.when(polars.col("head") > 6).then(polars.col("head")).alias("head"))
    scores = fitted.scores(gaps)
    there = (frame["head"] > 6).to_numpy()
    whole = fitted.scores(frame)
    assert np.array_equal(scores.elbo_q16[there], whole.elbo_q16[there])
    assert (scores.elbo_q16[~there] != whole.elbo_q16[~there]).any()


def test_labels_may_be_a_column(frame):
    labelled = frame.assign(fault=np.r_[np.zeros(len(frame) - 20, int), np.ones(20, int)])
    labelled.loc[labelled["fault"] == 1, "head"] += 1
    detector = Detector(epochs=30, latents=2, label="fault", kind={"open": "flag"}).fit(labelled)
    assert detector.summary_["device"]["auc"] > 0.95
