"""The example of the README runs as it is printed."""

import re
from pathlib import Path


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("[ 1 -1]\n")
    assert (tmp_path / "runs" / "pump" / "model.elbow").exists() and (tmp_path / "pump.c").exists()
