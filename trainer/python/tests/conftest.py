import numpy as np
import pytest

from elbow import Detector


def draw(count, seed):
    """Flow and head of a pump, which hang together."""
    rng = np.random.default_rng(seed)
    flow = rng.normal(30, 1, count)
    return np.column_stack([flow, 0.2 * flow + rng.normal(0, 0.02, count)])


@pytest.fixture(scope="session")
def pump():
    return draw(1500, 0)


@pytest.fixture(scope="session")
def strange():
    """Readings of which each number is usual, and both together are not."""
    return draw(50, 1) * [1, 0] + [0, 5.0] + np.column_stack([np.zeros(50), np.full(50, 0.4)])


@pytest.fixture(scope="session")
def detector(pump):
    return Detector(latents=1, epochs=60, name="pump").fit(pump)


@pytest.fixture(scope="session")
def trainer():
    """The program `trainer`, which the environment variable ELBOW_TRAINER names."""
    import os

    path = os.environ.get("ELBOW_TRAINER")
    if path is None:
        pytest.skip("ELBOW_TRAINER names no program: `cargo xtask python` builds it")
    return path
