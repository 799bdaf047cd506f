"""The Python code of README and docs runs, a page's blocks in their order."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import priorkit

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "```python" in page.read_text(encoding="utf-8")
)
_SHAPE = re.compile(r"^(?P<name>\w+) = .*#.*?(?P<shape>\(\d+, [\d, ]*\d\))", re.MULTILINE)


def test_pages_have_python_code():
    assert {"README.md", "docs/getting-started.md", "docs/plugins.md", "docs/python.md"} <= set(PAGES)


@pytest.mark.usefixtures("registrations")
@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_run(page, blocks_of, trained_run, tmp_path, monkeypatch):
    def train(config: priorkit.RunConfig, out: str | None = None, **more: Any) -> priorkit.Run:
        if "resume" in more:
            return whole(config, **more)
        small: dict[str, Any] = {"steps": 2, "batch_size": 8, "log_every": 1}
        if config.networks.name == "residual":
            small["networks"] = config.networks.model_copy(update={"options": {**config.networks.options, "width": 4}})
        return whole(config.model_copy(update=small), out, **more)

    def sweep(search: Any, settings: Any, **more: Any) -> priorkit.Sweep:
        small = {**settings, "networks": {"name": "mlp", "hidden": 8}, "steps": 2, "batch_size": 8}
        return searched({"learning_rate": "1e-4..1e-2"}, small, **{**more, "trials": 1, "jobs": 1})

    whole, searched = priorkit.train, priorkit.sweep
    monkeypatch.setattr(priorkit, "train", train)
    monkeypatch.setattr(priorkit, "sweep", sweep)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained_run, tmp_path / "runs/learned-digits-001")
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in blocks_of(page):
        if block.language != "python":
            continue
        code = compile(block.code, page, "exec")
        # A plug-in's own tests are run with it, by test_extending.py.
        if block.before.startswith(("<!-- not run: ", "`tests/")):
            continue
        exec(code, namespace)
        for match in _SHAPE.finditer(block.code):
            assert str(tuple(namespace[match["name"]].shape)) == match["shape"], match[0]


def test_few_blocks_are_not_run(blocks_of):
    marked = [(page, block.before) for page in PAGES for block in blocks_of(page) if "not run" in block.before]
    assert len(marked) <= 2, marked
