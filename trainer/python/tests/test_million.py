"""A million readings in two processes, and by the command line, have the same integers: `cargo xtask python --long`."""

import subprocess
import threading
import time

import numpy as np
import pandas
import psutil
import pytest

from elbow import Detector

ROWS, COLUMNS, PARTS = 1_000_000, 64, 40


def draw(count, seed):
    """Readings of 64 sensors that follow eight causes."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(8, COLUMNS))
    return (rng.normal(size=(count, 8)) @ mixing + rng.normal(0, 0.3, (count, COLUMNS))).astype(np.float32)


class Peak(threading.Thread):
    """The most memory that any of some processes has held, MiB."""

    def __init__(self, processes):
        super().__init__(daemon=True)
        self.processes, self.mebibytes, self.ended = processes, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            for process in self.processes:
                try:
                    self.mebibytes = max(self.mebibytes, process.memory_info().rss / 2**20)
                except psutil.NoSuchProcess:
                    pass


@pytest.mark.long
def test_a_million_readings_are_scored_alike(trainer, tmp_path):
    import dask.dataframe
    from dask.distributed import Client, LocalCluster

    import elbow.dask

    names = [f"sensor {column}" for column in range(COLUMNS)]
    detector = Detector(latents=8, epochs=30).fit(pandas.DataFrame(draw(5000, 1), columns=names))
    detector.save(tmp_path / "run")
    (tmp_path / "parts").mkdir()
    parts = []
    for part in range(PARTS):
        rows = draw(ROWS // PARTS, 100 + part)
        parts.append(rows)
        frame = pandas.DataFrame(rows, columns=names)
        frame["row"] = np.arange(part * len(rows), (part + 1) * len(rows))
        frame.to_parquet(tmp_path / "parts" / f"{part:03}.parquet", index=False)
    np.save(tmp_path / "rows.npy", np.concatenate(parts))
    del parts

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster, Client(cluster):
        peak = Peak([psutil.Process(worker.pid) for worker in cluster.workers.values()])
        peak.start()
        began = time.perf_counter()
        scored = elbow.dask.score(dask.dataframe.read_parquet(tmp_path / "parts"), detector.model_, keep=["row"])
        made = scored[["row", "elbo_q16", "p_value_q31"]].compute().sort_values("row")
        seconds = time.perf_counter() - began
        peak.ended.set()
    print(f"\nDask: {ROWS / seconds:.0f} readings a second, {peak.mebibytes:.0f} MiB in a worker at most")

    out = tmp_path / "scores.csv"
    began = time.perf_counter()
    command = subprocess.Popen([trainer, "score", str(tmp_path / "run"), str(tmp_path / "rows.npy"), "--out", str(out)])
    peak = Peak([psutil.Process(command.pid)])
    peak.start()
    assert command.wait() == 0
    seconds = time.perf_counter() - began
    peak.ended.set()
    print(f"trainer score: {ROWS / seconds:.0f} readings a second, {peak.mebibytes:.0f} MiB at most")

    expected = pandas.read_csv(out, usecols=["elbo_q16", "p_value_q31"])
    assert np.array_equal(made["row"], np.arange(ROWS))
    assert np.array_equal(made["elbo_q16"], expected["elbo_q16"])
    assert np.array_equal(made["p_value_q31"], expected["p_value_q31"])
