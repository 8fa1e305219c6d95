"""A fleet: what devices sent, and what is to be done."""

import numpy as np
import pandas
import pytest

from elbow import fleet


@pytest.fixture(scope="module")
def sent():
    """Forty devices as promised; one with faults, one that was mounted askew, one that drifts, one that hardly spoke."""
    rng = np.random.default_rng(9)
    values = {f"unit {at:02}": rng.random(600) for at in range(40)}
    values["faults"] = np.where(rng.random(600) < 0.06, rng.random(600) * 0.01, rng.random(600))
    values["askew"] = rng.random(600) ** 3
    values["drifting"] = rng.random(600) ** np.linspace(0.6, 1.9, 600)
    values["mute"] = rng.random(7)
    rows = [pandas.DataFrame({"device": name, "p_value": own}) for name, own in values.items()]
    return pandas.concat(rows, ignore_index=True)


def test_each_device_has_its_verdict(sent):
    made = fleet.health(sent).set_index("device")
    assert made.loc["faults", "verdict"] == "look"
    assert made.loc["askew", "verdict"] == "recalibrate"
    assert made.loc["drifting", "verdict"] in ("drifts", "recalibrate")
    assert made.loc["mute", "verdict"] == "too few"
    others = made.drop(index=["faults", "askew", "drifting", "mute"])
    # At a level of 0.05 of false discoveries, among three tests and three true ones.
    assert (others["verdict"] != "as promised").sum() <= 2
    assert (made["rate_low"] <= made["rate"]).all() and (made["rate"] <= made["rate_high"]).all()


def test_a_page_and_a_file(sent, tmp_path):
    sent.to_parquet(tmp_path / "sent.parquet")
    made = fleet.health(tmp_path / "sent.parquet")
    assert made.equals(fleet.health(sent))
    text = fleet.page(made, tmp_path / "fleet.html", "Pumps & fans").read_text()
    assert "Pumps &amp; fans" in text and text.count("<tr>") == len(made) + 1
    with pytest.raises(ValueError, match="unit"):
        fleet.health(sent, device="unit")


def test_packets_become_readings(detector, pump):
    model = detector.model_
    packets = model.packets(pump[:20])
    assert {len(packet) for packet in packets} == {4}
    table = pandas.DataFrame({"device": ["a", "b"] * 10, "packet": packets})
    made = fleet.readings(table.drop(index=[4]), model)
    assert made.loc[made["device"] == "b", "lost"].tolist() == [0] + [1] * 9
    assert made.loc[made["device"] == "a", "lost"].tolist() == [0, 1, 3] + [1] * 6
    sent = np.delete(pump[:20], 4, axis=0)
    assert np.abs(made[["column 1", "column 2"]].to_numpy() - sent).mean(axis=0)[1] < 0.05
    with pytest.raises(ValueError, match="packet 1"):
        model.unpack([packets[0], packets[1][:2]])
