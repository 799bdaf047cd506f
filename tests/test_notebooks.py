"""The notebooks of the examples run, from their first cell to the last."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.whole

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples/notebooks").glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) == 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer steps; outputs of cells are still complete.
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        for length in ("steps=300", "steps=400", "steps=200"):
            cell.source = cell.source.replace(length, "steps=4")
        cell.source = cell.source.replace("steps=320", "steps=6")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not any(output.output_type == "error" for output in outputs)
    assert not any("Traceback" in output.get("text", "") for output in outputs)
    shown = "".join(str(output.get("data", {})) for output in outputs)
    assert "text/html" in shown
