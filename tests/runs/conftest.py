"""A small run, trained once, and copies of it to go on with or to damage."""

import copy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.registry import Registry
from priorkit.runs import RunFolder, prepare, read_metrics
from priorkit.training import Observer, Session

_ENVIRONMENT: dict[str, Any] = {
    "priorkit": "1.0",
    "torch": "2.0",
    "device": "cpu",
    "precision": "float32",
    "components": {},
    "data": {"channels": 1, "size": 16, "train": 20, "held_out": 6, "fingerprint": "0"},
    "parameters": {},
}
_SETTINGS: dict[str, Any] = {"steps": 6, "log_every": 2, "sample_every": 3, "checkpoint_every": 2, "average": 0.9}


@pytest.fixture(scope="session")
def run_config(tiny_config: Callable[..., RunConfig]) -> Callable[..., RunConfig]:
    """Makes the configuration of a run of six steps, as `tiny_config` does."""
    return lambda recipe="learned", registry=None, **changes: tiny_config(
        recipe, *([registry] if registry is not None else []), **{**_SETTINGS, **changes}
    )


@pytest.fixture
def environment() -> dict[str, Any]:
    """What `environment.json` must hold at least."""
    return copy.deepcopy(_ENVIRONMENT)


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


def _flattened(state: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(state, dict | list | tuple):
        items = state.items() if isinstance(state, dict) else enumerate(state)
        return {key: value for name, item in items for key, value in _flattened(item, f"{prefix}/{name}").items()}
    return {prefix: state}


def _saved(path: Path, name: str = "last") -> dict[str, Any]:
    checkpoints = RunFolder.open(path).checkpoints
    everything = {**checkpoints.load_weights(name), **_flattened(checkpoints.load_state(name))}
    free = ("/seconds", "/config/steps", "/config/max_time", "/config/epochs")
    return {key: value for key, value in everything.items() if key not in free}


def _assert_same(first: Path, second: Path, name: str = "last") -> None:
    mine, theirs = _saved(first, name), _saved(second, name)
    assert mine.keys() == theirs.keys()
    for key, value in mine.items():
        same = torch.equal(value, theirs[key]) if isinstance(value, Tensor) else value == theirs[key]
        assert same, key


def _measurements(path: Path) -> list[dict[str, float]]:
    return [
        {key: value for key, value in row.items() if key != "seconds"} for row in read_metrics(RunFolder.open(path))
    ]


def _pictures(path: Path) -> dict[str, bytes]:
    return {picture.name: picture.read_bytes() for picture in RunFolder.open(path).samples.iterdir()}


class _At(Observer):
    def __init__(self, step: int, action: Callable[[], Any]) -> None:
        self.step = step
        self.action = action

    def stepped(self, session: Session) -> None:
        if session.steps == self.step:
            self.action()


def _without_checksums(folder: RunFolder) -> None:
    for file in folder.checkpoints.folder.glob("*/checksums.json"):
        file.unlink()


def _write_images(path: Path, n: int, value: int = 0) -> None:
    images = np.random.default_rng(0).integers(0, 255, (n, 16, 16), dtype=np.uint8)
    images[0, 0, 0] = value
    np.savez(path, images=images)


@pytest.fixture(scope="session")
def saved() -> Callable[..., dict[str, Any]]:
    """Gives everything in a checkpoint but times and limits, in which runs that are the same may differ."""
    return _saved


@pytest.fixture(scope="session")
def assert_same() -> Callable[..., None]:
    """Makes sure that the checkpoints of two runs are the same, bit for bit."""
    return _assert_same


@pytest.fixture(scope="session")
def measurements() -> Callable[[Path], list[dict[str, float]]]:
    """Gives the lines of `metrics.jsonl` without times."""
    return _measurements


@pytest.fixture(scope="session")
def pictures() -> Callable[[Path], dict[str, bytes]]:
    """Gives the pictures of a run by name."""
    return _pictures


@pytest.fixture(scope="session")
def at() -> Callable[[int, Callable[[], Any]], Observer]:
    """Makes an observer that does something after a step."""
    return _At


@pytest.fixture(scope="session")
def without_checksums() -> Callable[[RunFolder], None]:
    """Takes the checksums of a run's checkpoints away, as if an earlier version had written them."""
    return _without_checksums


class Killed(BaseException):
    """Ends a training as a kill does: nothing more is saved."""


@pytest.fixture
def train_killed(registry: Registry, run_config: Callable[..., RunConfig]) -> Callable[[Path, int], None]:
    """Trains the small run in a folder, until it is killed after a step."""

    def kill() -> None:
        raise Killed

    def train(path: Path, step: int) -> None:
        with pytest.raises(Killed):
            prepare(run_config(), path, registry=registry).run([_At(step, kill)])

    return train


@pytest.fixture(scope="session")
def write_images() -> Callable[..., None]:
    """Writes random images as .npz, `value` being the first pixel."""
    return _write_images
