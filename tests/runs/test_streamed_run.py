"""Runs whose images stay on disk."""

import multiprocessing
import pickle
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.config import RunConfig
from priorkit.data.typical_images import typical_indices
from priorkit.errors import DataError
from priorkit.registry import Registry
from priorkit.runs import load_run, prepare, prepare_resumed, train
from priorkit.training import Observer, Session
from priorkit_plugins.folder import source

N, SIDE = 40, 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images that are not what networks take: they are resized when they are read."""
    random = np.random.default_rng(0)
    for number in range(N):
        path = tmp_path / "data" / f"{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
    return tmp_path / "data"


@pytest.fixture
def configure(run_config: Callable[..., RunConfig], folder: Path) -> Callable[..., RunConfig]:
    return lambda **changes: run_config("learned", dataset="folder", data_dir=str(folder), channels=1, **changes)


def weights(run: Path, registry: Registry) -> dict[str, torch.Tensor]:
    return load_run(run, device="cpu", registry=registry).checkpoints.load_weights("last")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"stream": "always", "workers": 1}, {"stream": "never"}),
        ({"stream": "never"}, {"stream": "always", "workers": 2}),
        ({"stream": "always", "workers": 0}, {"workers": 1}),
    ],
)
def test_a_run_may_be_resumed_either_way(
    configure: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    train(configure(steps=8, stream="never"), tmp_path / "straight", registry=registry)
    train(configure(steps=3, **first), tmp_path / "parts", registry=registry)
    prepare_resumed(tmp_path / "parts", {"steps": 8, **second}, registry=registry).run()
    expected, found = weights(tmp_path / "straight", registry), weights(tmp_path / "parts", registry)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not multiprocessing.active_children()


def test_the_training_process_does_not_hold_the_images(configure: Callable[..., RunConfig], registry: Registry) -> None:
    config = configure(stream="always", workers=1, steps=2)
    prepared = prepare(config, registry=registry)
    session = prepared.session
    for _ in range(3):
        session.step()
    session.close()
    pixels = N * 32 * 32
    held = pickle.dumps((prepared.data, session.source.batches))
    assert len(held) < pixels / 4
    assert len(pickle.dumps(prepare(configure(stream="never"), registry=registry).data)) > pixels
    assert any("images are streamed" in note for note in prepared.data.notes)


def test_reviews_read_their_images_once(
    configure: Callable[..., RunConfig], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = prepare(configure(stream="always", workers=0), registry=registry).session
    monkeypatch.setattr("priorkit.training.session.REVIEWED", 3)
    images: Any = session.data.test.images
    reads, read = [], type(images).read

    def watched(stored: Any, indices: torch.Tensor) -> torch.Tensor:
        if stored is images:
            reads.append(len(indices))
        pixels: torch.Tensor = read(stored, indices)
        return pixels

    monkeypatch.setattr(type(images), "read", watched)
    for _ in range(2):
        assert len(session.review().originals) == 3
        session.check_finite()
    assert reads == [3]


class Spoiler(Observer):
    """Breaks every training image after the second step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stepped(self, session: Session) -> None:
        if session.steps == 2:
            for path in self.folder.rglob("*.png"):
                path.write_bytes(b"spoilt")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_breaks_meanwhile_ends_the_run_with_a_checkpoint(
    configure: Callable[..., RunConfig], registry: Registry, tmp_path: Path, folder: Path, workers: int
) -> None:
    kept = {path: path.read_bytes() for path in folder.rglob("*.png")}
    config = configure(stream="always", workers=workers, steps=12)
    with pytest.raises(DataError, match=r"\.png is not an image") as caught:
        train(config, tmp_path / "run", observers=[Spoiler(folder)], registry=registry)
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()
    for path, content in kept.items():
        path.write_bytes(content)
    resumed = prepare_resumed(tmp_path / "run", registry=registry)
    assert resumed.session.steps >= 2
    resumed.run()
    train(configure(stream="never", steps=12), tmp_path / "straight", registry=registry)
    expected, found = weights(tmp_path / "straight", registry), weights(tmp_path / "run", registry)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("for_statistics", [True, False])
def test_a_broken_file_that_nobody_looked_at_is_found_without_losing_a_step(
    for_statistics: bool,
    configure: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is trained if batch-norm statistics are of it, otherwise in training, behind a checkpoint."""
    monkeypatch.setattr(source, "_LOOKED_AT", 3)
    monkeypatch.setattr("priorkit.data.fingerprints._SAMPLE", 1)
    config = configure(stream="always", workers=1, steps=30)
    images = prepare(config, registry=registry).data.train
    # The package has a function of the module's name.
    monkeypatch.setattr(import_module("priorkit.data.typical_images"), "_MOST", config.batch_size)
    typical = {int(index) for index in typical_indices(len(images), config)}
    # The first image is in the fingerprint.
    broken = next(index for index in range(1, len(images)) if (index in typical) is for_statistics)
    path: Path = images.images.stored.files[broken]  # type: ignore[union-attr]
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError) as caught:
        train(config, tmp_path / "run", registry=registry)
    assert str(path) in str(caught.value)
    assert (tmp_path / "run" / "checkpoints" / "last.json").exists() is not for_statistics


def test_a_data_set_that_cannot_be_streamed_says_so(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    data = prepare(run_config(stream="always", steps=1), tmp_path / "run", registry=registry).data
    assert isinstance(data.train.images, torch.Tensor)
    assert data.notes[-1] == "images are not streamed: this data set reads them into memory"
