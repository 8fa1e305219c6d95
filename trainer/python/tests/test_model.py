"""An image as a device has it."""

import pickle

import numpy as np
import pytest

from elbow import Model


def test_facts_of_the_image(detector):
    model = detector.model_
    assert (model.inputs, model.latents, model.conditions) == (2, 1, 0)
    assert model.image_bytes == len(model.image) and model.workspace_bytes % 8 == 0
    with pytest.raises(AttributeError, match="latents"):
        _ = model.latent
    assert np.array_equal(pickle.loads(pickle.dumps(model)).raw([[30, 6]]), model.raw([[30, 6]]))


def test_latents_lead_back_to_readings(detector, pump):
    latents = detector.transform(pump)
    assert latents.shape == (len(pump), 1)
    error = detector.inverse_transform(latents) - pump
    # What one latent cannot know is the noise of the head.
    assert np.sqrt((error**2).mean(axis=0))[1] < 0.05
    mean, deviation = detector.model_.encode(pump)
    assert np.array_equal(mean, latents) and (deviation > 0).all()


def test_draws_are_like_the_readings(detector, pump):
    drawn = detector.sample(2000, seed=3)
    assert np.allclose(drawn.mean(axis=0), pump.mean(axis=0), atol=0.2)
    assert np.array_equal(drawn, detector.sample(2000, seed=3))


def test_a_missing_number_is_not_scored(detector, pump):
    gaps = pump[:50].copy()
    gaps[:, 1] = np.nan
    some, whole = detector.scores(gaps), detector.scores(pump[:50])
    assert (some.elbo != whole.elbo).all() and np.isfinite(some.elbo).all()


def test_the_strange_column_is_named(detector, pump):
    odd = pump[:3].copy()
    odd[1, 1] += 1
    told = detector.explain(odd, top=1)[0]
    assert told["reading"] == 1 and told["p_value"] < 0.01
    assert max(told["columns"], key=lambda column: column["shortfall"])["column"] == "column 2"


def test_terms_add_up_to_the_bound(detector, pump):
    scores = detector.scores(pump)
    assert np.allclose(scores.elbo, scores.reconstruction - scores.kl, atol=2 / 65536)
    assert np.allclose(scores.surprise, -np.log(scores.p_value), atol=1e-3)


def test_sources_for_firmware(detector, tmp_path):
    header, source = detector.export_c(tmp_path / "pump.h")
    assert "WORKSPACE" in header.read_text() and source.name == "pump.c"
    assert "WORKSPACE_WORDS" in detector.export_rust(tmp_path / "pump.rs").read_text()


def test_what_is_no_image_is_refused(detector):
    with pytest.raises(ValueError):
        Model(b"no image")
    damaged = bytearray(detector.model_.image)
    damaged[100] ^= 1
    with pytest.raises(ValueError, match=r"checksum|CRC|crc"):
        Model(bytes(damaged))
    with pytest.raises(ValueError, match="3"):
        detector.model_.score(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="raw"):
        detector.model_.score(np.zeros((2, 3), dtype=np.int16))
