"""A small run, trained once, and copies of it to go on with or to damage."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from priorkit.config import RunConfig
from priorkit.plugins import Registry
from priorkit.runs import RunFolder, prepare

_SETTINGS: dict[str, Any] = {"steps": 6, "log_every": 2, "sample_every": 3, "checkpoint_every": 2, "average": 0.9}


@pytest.fixture(scope="session")
def run_config(tiny_config: Callable[..., RunConfig]) -> Callable[..., RunConfig]:
    """Makes the configuration of a run of six steps, as `tiny_config` does."""
    return lambda recipe="learned", registry=None, **changes: tiny_config(
        recipe, *([registry] if registry is not None else []), **{**_SETTINGS, **changes}
    )


@pytest.fixture(scope="session")
def trained_path(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that is never changed."""
    path = tmp_path_factory.mktemp("runs") / "trained"
    prepare(run_config(), path, registry=registry).run()
    return path


@pytest.fixture
def run_path(trained_path: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return shutil.copytree(trained_path, tmp_path / "copied")


@pytest.fixture
def folder(run_path: Path) -> RunFolder:
    """The folder of that copy."""
    return RunFolder.open(run_path)


@pytest.fixture(scope="session")
def contents_of() -> Callable[[Path], dict[str, bytes | None]]:
    """Gives every entry below a folder by its path, with the contents of files."""

    def entries(path: Path) -> Iterator[tuple[str, bytes | None]]:
        for entry in sorted(path.rglob("*")):
            yield str(entry.relative_to(path)), entry.read_bytes() if entry.is_file() else None

    return lambda path: dict(entries(path))
