"""Small runs to watch, trained once, and copies of them to change."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.config import RunConfig
from priorkit.registry import Registry
from priorkit.runs import prepare


@pytest.fixture(scope="session")
def watched_before(
    registry: Registry, tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A complete run of six steps, which is never changed."""
    path = tmp_path_factory.mktemp("watched") / "complete"
    prepare(tiny_config(steps=6, log_every=1, sample_every=3, checkpoint_every=2), path, registry=registry).run()
    return path


@pytest.fixture
def make_run(watched_before: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of that run in the folder `runs`, by its name."""
    return lambda name="one": shutil.copytree(watched_before, tmp_path / "runs" / name)
