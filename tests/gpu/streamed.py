"""Images that are not kept on the device: streamed from disk through pinned memory, or uploaded from main memory."""

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from check import Asked, Check, Failure
from closeness import require_same_run, trained, weights_of
from priorkit.config import RunConfig
from priorkit.data import load_data
from priorkit.data.batches import Batches
from priorkit.interfaces import ImageSet, StoredImages
from priorkit.training import Session
from tiny import bars, make_config, registry

__all__ = ["CHECKS"]

_RECIPES = ("vae", "learned")
_BATCHES = 4
_WORKERS = 2


def _config(recipe: str, asked: Asked, path: Path, stream: str, workers: int) -> RunConfig:
    data = {"dataset": {"name": "npz"}, "data_dir": path, "image_size": None, "stream": stream, "workers": workers}
    return make_config(recipe, asked, **data)


def _pixels(images: ImageSet) -> Any:
    """The images as the file holds them, channels last."""
    assert isinstance(images.images, Tensor)
    return images.images.permute(0, 2, 3, 1).contiguous().numpy()


def _batches(session: Session) -> dict[str, Tensor]:
    batches = session.source.batches
    assert isinstance(batches, Batches)
    return {f"batch {n}": batches.at(n * batches.batch_size).cpu() for n in range(_BATCHES)}


def _session(config: RunConfig, *, streamed: bool) -> Session:
    session = Session(config, registry(), load_data(config, registry()))
    if isinstance(session.data.train.images, StoredImages) is not streamed:
        raise Failure(f"--stream {config.stream}: images are {type(session.data.train.images).__name__}")
    return session


def _require_pinned(session: Session) -> None:
    batches = session.source.batches
    assert isinstance(batches, Batches)
    assert not isinstance(batches._source, Tensor)
    if not batches._source.at(0).is_pinned():
        raise Failure("batches are read into memory that is not pinned")
    batches.close()


def _streamed(recipe: str, asked: Asked) -> str:
    path = asked.folder / "images.npz"
    np.savez(path, images=_pixels(bars().train), test_images=_pixels(bars().test))
    config = _config(recipe, asked, path, "never", 0)
    expected = _session(config, streamed=False)
    batches = _batches(expected)
    trained(expected)

    def again() -> dict[str, Tensor]:
        session = _session(config, streamed=False)
        trained(session)
        return weights_of(session)

    told = []
    for workers in (0, _WORKERS):
        session = _session(_config(recipe, asked, path, "always", workers), streamed=True)
        try:
            if asked.on_cuda:
                _require_pinned(session)
            for name, batch in _batches(session).items():
                if not torch.equal(batch, batches[name]):
                    raise Failure(f"{name}, read with {workers} workers, has other images")
            trained(session)
        finally:
            session.close()
        told.append(f"{workers} workers: {require_same_run(asked, weights_of(expected), weights_of(session), again)}")
    return "; ".join(told)


def _in_main_memory(recipe: str, asked: Asked) -> str:
    config = make_config(recipe, asked)

    def run() -> Session:
        session = Session(config, registry(), bars())
        trained(session)
        return session

    expected = run()
    with mock.patch("priorkit.data.batches._DEVICE_SHARE", -1.0):
        large = run()
    batches = large.source.batches
    assert isinstance(batches, Batches)
    assert isinstance(batches._source, Tensor)
    if batches._source.device.type != "cpu":
        raise Failure(f"images that take too much of the device's memory lie on {batches._source.device}")
    return require_same_run(asked, weights_of(expected), weights_of(large), lambda: weights_of(run()))


CHECKS = [
    Check(
        "streaming",
        "training on images streamed through pinned memory equals training on images in memory",
        _streamed,
        _RECIPES,
    ),
    Check(
        "main-memory",
        "training on images too large for the device equals training on images on it",
        _in_main_memory,
        _RECIPES,
        needs_cuda=True,
    ),
]
