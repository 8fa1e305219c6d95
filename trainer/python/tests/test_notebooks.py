"""The notebooks run from their first cell to their last."""

from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}})
    client.execute()
    assert all(cell.get("outputs", []) == [] for cell in nbformat.read(path, as_version=4).cells)


def test_training_draws_one_bar_below_a_cell(tmp_path):
    cell = nbformat.v4.new_code_cell(
        "import numpy as np\nfrom elbow import Detector\n"
        "rows = np.random.default_rng(0).normal(size=(400, 3))\n"
        "detector = Detector(epochs=7, latents=1, verbose=True).fit(rows)\nprint(detector.n_iter_)"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for output in notebook.cells[0].outputs if output.output_type == "display_data"]
    assert len(outputs) == 1
    printed = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    last = int(printed.split()[-1])
    begin = f'<progress value="{last}" max="7"></progress> epoch {last}/7: bound '
    assert outputs[0].data["text/html"].startswith(begin)
    assert "epoch" not in printed
