"""Writes elbow/_settings.py: a parameter for each setting of the trainer."""

import sys
import textwrap
from pathlib import Path

from elbow import _native

#: Settings of data that are files, or that ship with the trainer.
ELSEWHERE = {"data.source", "data.labels", "data.sample", "data.anomaly_digit"}

HEAD = '''"""Parameters by the names of the trainer's settings; written by tools/settings.py."""

from sklearn.base import BaseEstimator

#: The parameters that are settings, and the settings.
PATHS = {
'''

OWN = {
    "false_alarm_rate": ("0.05", "float, default 0.05", "The share of normal rows that `predict` may call outliers."),
    "estimator": (
        "None",
        "str, optional",
        "The estimator of the bound: `sigma-points`, `posterior-mean`, `monte-carlo:K`, `importance-weighted:K` or, of up to "
        "12 bits, `enumeration`; "
        "by default the one that suits the model best.",
    ),
    "name": ('"detector"', 'str, default "detector"', "The name of the model in its image."),
    "verbose": (
        "False",
        "bool, default False",
        "Say how training goes: on standard error, or by a bar in a notebook.",
    ),
}


def text():
    """The module."""
    settings = [setting for setting in _native.settings() if setting["path"] not in ELSEWHERE]
    names = [setting["name"] for setting in settings]
    assert len(set(names)) == len(names), "two settings have one name"
    paths = "".join(f'    "{setting["name"]}": "{setting["path"]}",\n' for setting in settings)
    signature = "".join(f"        {name}={default},\n" for name, (default, *_) in OWN.items())
    signature += "".join(f"        {name}=None,\n" for name in names)
    stores = "".join(f"        self.{name} = {name}\n" for name in [*OWN, *names])
    documented = "".join(entry(name, kind, words) for name, (_, kind, words) in OWN.items())
    documented += "".join(entry(setting["name"], kind(setting), sentence(setting)) for setting in settings)
    return (
        HEAD + paths + "}\n\n\nclass Settings(BaseEstimator):\n"
        '    """Parameters of a detector; None is the trainer\'s default."""\n\n'
        f'    PARAMETERS = """Parameters\n    ----------\n{documented}    """\n\n'
        f"    def __init__(\n        self,\n        *,\n{signature}    ):\n{stores}"
    )


def entry(name, kind, words):
    """A parameter as NumPy documents it."""
    lines = textwrap.wrap(words, 118, initial_indent="        ", subsequent_indent="        ")
    return f"    {name} : {kind}\n" + "\n".join(lines) + "\n"


def kind(setting):
    """What a parameter may be, in words."""
    choices, default = setting["choices"], setting["default"]
    many = "{" + ", ".join(f'"{word}"' for word in choices) + "}" if choices else setting["placeholder"].lower()
    if default is None:
        return f"{many}, optional"
    return f"{many}, default {default}"


def sentence(setting):
    """The help of a setting as a sentence."""
    words = setting["help"].replace("\\", "\\\\").replace('"', "'").strip().rstrip(".")
    words = " ".join(words.split())
    return words + (f" ({setting['range']})." if setting["range"] else ".")


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "elbow" / "_settings.py"
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if target.read_text() == text() else "elbow/_settings.py is not that of this trainer: run tools/settings.py")
    target.write_text(text())
