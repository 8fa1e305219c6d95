"""A fleet of devices: which to look at, and which to calibrate again.

In comes one table of what devices sent: their scores, or packets of telemetry. A calibrated p-value is uniform on normal
readings, so that a device says by its p-values alone whether the promise still holds:

* More alarms than were promised, while all other readings are as usual: something happens there. Look at it.
* The p-values of its ordinary readings are no longer uniform: the model does not know this machine, mounting or season.
  Calibrate it again; its alarms mean little until then.
* Its latest ordinary readings are more surprising than its first: it drifts.
"""

import html
from pathlib import Path

import numpy as np
from scipy import stats

#: Words of a verdict, the gravest first.
VERDICTS = ("recalibrate", "drifts", "look", "as promised", "too few")

#: Readings below which nothing is said of a device.
FEWEST = 30


def health(table, device="device", p_value="p_value", time=None, rate=0.01, level=0.05):
    """Judge each device by its p-values.

    Parameters
    ----------
    table : pandas.DataFrame, or path of a Parquet file or a folder of them
        A row for each reading.
    device, p_value : str
        The columns of devices and of p-values.
    time : str, optional
        The column that orders the readings of a device; by default they are in order.
    rate : float
        The false-alarm rate that was promised: readings with a p-value below it are alarms.
    level : float
        The share of false claims among all that are made of devices (Benjamini and Hochberg, "Controlling the false discovery
        rate", 1995).

    Returns
    -------
    pandas.DataFrame
        A row for each device, the gravest first: readings, alarms, their share with its bounds of 95 % confidence (Clopper and
        Pearson, 1934), what was promised, the median p-value of readings that are no alarms as it were if these were normal
        (0.5 is as promised), the mean surprise of the first and the last third, nats, and the verdict.
    """
    import pandas

    table = _read(table)
    for column in (device, p_value, *([time] if time else [])):
        if column not in table:
            raise ValueError(f"the table has no column {column!r}; its columns are {', '.join(map(str, table.columns))}")
    if time:
        table = table.sort_values(time, kind="stable")
    rows, tests = [], []
    for name, own in table.groupby(device, sort=True):
        row, test = _device(own[p_value].to_numpy(dtype=float), rate)
        rows.append({"device": name, **row})
        tests.append(test)
    found = _discoveries(np.array(tests, dtype=float).reshape(len(tests), 3), level)
    for row, (moved, alarms, drifts) in zip(rows, found, strict=True):
        if row["readings"] < FEWEST:
            row["verdict"] = "too few"
        else:
            row["verdict"] = "recalibrate" if moved else "drifts" if drifts else "look" if alarms else "as promised"
    columns = [
        "device",
        "verdict",
        "readings",
        "alarms",
        "rate",
        "rate_low",
        "rate_high",
        "promised",
        "bulk_median",
        "surprise_first",
        "surprise_last",
    ]
    made = pandas.DataFrame(rows, columns=columns)
    order = made["verdict"].map(VERDICTS.index)
    return made.iloc[np.lexsort((-made["alarms"], order))].reset_index(drop=True)


def _device(values, rate):
    """What is known of one device, and its three tests: the bulk has moved, alarms are too many, it drifts."""
    values = values[np.isfinite(values)]
    count, alarms = len(values), int((values < rate).sum())
    low = stats.beta.ppf(0.025, alarms, count - alarms + 1) if alarms else 0.0
    high = stats.beta.ppf(0.975, alarms + 1, count - alarms) if alarms < count else 1.0
    # Ordinary readings are uniform between the rate and 1.
    bulk = (values[values >= rate] - rate) / (1 - rate)
    surprise = -np.log(np.maximum(values, 1e-9))
    third = count // 3
    first, last = surprise[:third], surprise[count - third :]
    row = {
        "readings": count,
        "alarms": alarms,
        "rate": alarms / count if count else np.nan,
        "rate_low": low,
        "rate_high": high,
        "promised": rate,
        "bulk_median": float(np.median(bulk)) if len(bulk) else 0.0,
        "surprise_first": float(first.mean()) if third else np.nan,
        "surprise_last": float(last.mean()) if third else np.nan,
    }
    if count < FEWEST:
        return row, (1.0, 1.0, 1.0)
    # Of a device whose readings are nearly all alarms nothing ordinary is left.
    moved = stats.kstest(bulk, "uniform", alternative="greater").pvalue if len(bulk) >= FEWEST else 0.0
    excess = stats.binomtest(alarms, count, rate, alternative="greater").pvalue
    # Alarms are counted above: here it is the ordinary readings that move.
    first, last = (part[part <= -np.log(rate)] for part in (first, last))
    told = min(len(first), len(last)) >= FEWEST // 3
    drift = stats.mannwhitneyu(last, first, alternative="greater").pvalue if told else 1.0
    return row, (moved, excess, drift)


def _discoveries(tests, level):
    """Which of the tests, a column each of its kind, are claims: Benjamini and Hochberg's rule."""
    return np.column_stack([stats.false_discovery_control(column) <= level for column in tests.T]) if len(tests) else tests


def readings(table, model, device="device", packet="packet"):
    """Make readings of packets of telemetry by the decoder.

    Parameters
    ----------
    table : pandas.DataFrame, or path of a Parquet file or a folder of them
        A row for each packet, in the order in which they came from each device.
    model : elbow.Model
    device, packet : str
        The columns of devices and of packets, bytes.

    Returns
    -------
    pandas.DataFrame
        For each packet its device, its sequence number, how many packets of the device were lost before it (modulo 256), its
        latents `z0`, `z1`..., and the reading under the names of its columns.
    """
    import pandas

    table = _read(table)
    sequence, latents, values = model.unpack(table[packet])
    made = pandas.DataFrame({"device": table[device].to_numpy(), "sequence": sequence})
    step = made.groupby("device")["sequence"].transform(lambda own: own.astype(int).diff().sub(1).fillna(0) % 256)
    made["lost"] = step.astype(int)
    for latent, numbers in enumerate(latents.T):
        made[f"z{latent}"] = numbers
    for name, numbers in zip(model.names, values.T, strict=False):
        made[name] = numbers
    return made


def page(made, path, title="Fleet"):
    """Write what `health` says as a page in HTML, one file without a network; return its path."""
    rows = "".join(_row(row) for row in made.to_dict("records"))
    counts = made["verdict"].value_counts()
    said = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if word in counts)
    text = _PAGE.replace("{title}", html.escape(title)).replace("{said}", html.escape(said)).replace("{rows}", rows)
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    partial.write_text(text)
    partial.replace(path)
    return path


def _row(row):
    scale = 100 / max(row["rate_high"], row["promised"], 1e-9)
    left, width = scale * row["rate_low"], scale * (row["rate_high"] - row["rate_low"])
    label = f"{row['rate']:.4f}, between {row['rate_low']:.4f} and {row['rate_high']:.4f}; promised {row['promised']}"
    bar = (
        f'<svg viewBox="0 0 100 10" role="img"><title>{label}</title>'
        f'<rect x="{left:.2f}" y="3" width="{max(width, 0.5):.2f}" height="4" class="range"/>'
        f'<rect x="{scale * row["promised"]:.2f}" y="0" width="0.7" height="10" class="mark"/></svg>'
    )
    cells = [
        html.escape(str(row["device"])),
        f'<span class="{row["verdict"].split()[0]}">{row["verdict"]}</span>',
        f"{row['readings']}",
        f"{row['alarms']}",
        f"{100 * row['rate']:.2f} %",
        bar,
        f"{row['bulk_median']:.2f}",
        f"{row['surprise_first']:.2f}",
        f"{row['surprise_last']:.2f}",
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _read(table):
    """A table, from Parquet where it is a path."""
    if hasattr(table, "columns"):
        return table
    import pandas

    return pandas.read_parquet(table)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
:root { color-scheme: light dark; --ink: #1b1f24; --page: #fff; --line: #d0d7de; --bar: #0969da; --mark: #bc4c00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --page: #0d1117; --line: #30363d; --bar: #58a6ff;
  --mark: #f0883e; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; }
div { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; } svg { width: 10rem; height: 1rem; }
.range { fill: var(--bar); } .mark { fill: var(--mark); } .recalibrate, .look { font-weight: 700; }
</style></head><body><h1>{title}</h1><p>{said}.</p>
<p>Alarms of each device as a share of its readings, with bounds of 95 % confidence, beside what was promised. The median p-value
of readings that are no alarms is 0.5 where the calibration still holds.</p>
<div><table><thead><tr><th>device</th><th>verdict</th><th>readings</th><th>alarms</th><th>share</th><th>bounds, promised</th>
<th>median p</th><th>surprise, first third</th><th>last third</th></tr></thead><tbody>
{rows}</tbody></table></div></body></html>
"""
