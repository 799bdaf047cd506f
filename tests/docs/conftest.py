"""The pages of the documentation, and what they hold."""

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import priorkit

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^(?P<before>[^\n]*)\n\n?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code, and the line before it."""

    before: str
    language: str
    code: str


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def blocks_of() -> Callable[[str], list[Block]]:
    """The blocks of code of a page, which is named by its path from the root."""

    def read(page: str) -> list[Block]:
        text = (ROOT / page).read_text(encoding="utf-8")
        blocks = [Block(**match.groupdict()) for match in _BLOCK.finditer(text)]
        assert len(blocks) == text.count("\n```") // 2, f"a block of {page} does not end, or has no line before it"
        return blocks

    return read


@pytest.fixture(scope="session")
def site_module() -> Callable[[str], ModuleType]:
    """Imports a module of `docs/site`."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"docs_site_{name}", ROOT / "docs/site" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that pages and docstrings speak of, after two steps."""
    path = tmp_path_factory.mktemp("runs") / "run"
    networks = {"name": "mlp", "hidden": 8}
    priorkit.train(priorkit.RunConfig(networks=networks, batch_size=8, device="cpu", steps=2), path)
    return path
