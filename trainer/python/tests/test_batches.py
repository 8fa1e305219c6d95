"""Batches of Arrow and parts of Dask: the integers do not depend on how rows are divided."""

import numpy as np
import pandas
import pyarrow
import pytest

from elbow import Detector, arrow


@pytest.fixture(scope="module")
def frame(pump):
    return pandas.DataFrame(pump, columns=["flow", "head"]).assign(unit=np.arange(len(pump)) % 7)


@pytest.fixture(scope="module")
def fitted(frame):
    return Detector(latents=1, epochs=40).fit(frame[["flow", "head"]])


def test_batches_of_any_size_have_the_same_integers(fitted, frame):
    table = pyarrow.Table.from_pandas(frame)
    expected = fitted.scores(frame).elbo_q16
    for rows in (1, 64, 10_000):
        batches = list(arrow.score_batches(table.to_batches(rows), fitted.model_, keep=["unit"]))
        scored = pyarrow.Table.from_batches(batches)
        assert np.array_equal(scored["elbo_q16"], expected)
        assert np.array_equal(scored["unit"], frame["unit"])


def test_what_cannot_be_scored_row_by_row_is_refused(fitted, frame):
    with pytest.raises(ValueError, match="sigma-points"):
        next(arrow.score_batches([], fitted.model_, estimator="monte-carlo:8"), None)


def test_dask_scores_in_processes_and_survives_a_worker(fitted, frame, tmp_path):
    import os
    import signal

    import dask.dataframe
    from dask.distributed import Client, LocalCluster

    import elbow.dask

    for part in range(8):
        frame.iloc[part::8].to_parquet(tmp_path / f"part-{part}.parquet", index=False)
    expected = pandas.concat(frame.iloc[part::8] for part in range(8))
    expected = expected.assign(elbow=fitted.scores(expected).elbo_q16)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            ddf = dask.dataframe.read_parquet(tmp_path)
            scored = elbow.dask.score(ddf, fitted.model_, keep=["flow", "unit"])
            future = client.compute(scored)
            victim = cluster.workers[0].pid
            os.kill(victim, signal.SIGKILL)
            made = future.result()
    assert len(made) == len(frame)
    ours = expected.sort_values("flow")[["flow", "elbow"]].to_numpy()
    theirs = made.sort_values("flow")[["flow", "elbo_q16"]].to_numpy()
    assert np.array_equal(ours, theirs)


@pytest.mark.long
def test_spark_scores_in_its_workers(fitted, frame, tmp_path):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    import shutil

    if shutil.which("java") is None:
        pytest.skip("there is no JVM: install one, such as openjdk-17-jre-headless")
    from pyspark.sql import SparkSession

    import elbow.spark

    frame.to_parquet(tmp_path / "rows.parquet", index=False)
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        df = spark.read.parquet(str(tmp_path / "rows.parquet")).repartition(6)
        made = elbow.spark.score(df, fitted.model_, keep=["flow"]).toPandas()
    finally:
        spark.stop()
    ours = frame.assign(elbow=fitted.scores(frame).elbo_q16).sort_values("flow")
    theirs = made.sort_values("flow")
    assert np.array_equal(theirs[["flow", "elbo_q16"]].to_numpy(), ours[["flow", "elbow"]].to_numpy())
