"""A feature extractor without weights, and a trained model."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import FeatureExtractor, Features, ImageData
from priorkit.training import Session


class Rows(FeatureExtractor):
    """The mean brightness of every row; two classes, by whether the upper half is brighter."""

    knows_labels = True

    def __init__(self, *, standard: bool = False, error: Exception | None = None, classifies: bool = True) -> None:
        self._standard = standard
        self.error = error
        self.classifies = classifies
        self.prepared = 0
        self.sizes: list[int] = []

    @property
    def standard(self) -> bool:
        return self._standard

    def prepare(self, data: ImageData) -> None:
        if self.error is not None:
            raise self.error
        self.prepared += 1

    def extract(self, images: Tensor) -> Features:
        assert self.prepared
        assert images.dtype == torch.uint8
        self.sizes.append(len(images))
        rows = images.float().mean((1, 3)) / 255
        upper, lower = rows.chunk(2, dim=1)
        upper_share = (10 * (upper.mean(1) - lower.mean(1))).sigmoid()
        return Features(rows, torch.stack([upper_share, 1 - upper_share], 1) if self.classifies else None)

    def description(self) -> Mapping[str, str | int | float]:
        return {"name": "rows", "weights": "0", "resolution": 16}


@pytest.fixture(scope="session")
def rows() -> type[Rows]:
    """The extractor."""
    return Rows


@pytest.fixture(scope="session")
def vae(tiny_session: Callable[..., Session]) -> Session:
    """A variational autoencoder with a likelihood, trained for some steps."""
    loss = {"name": "pixel", "distance": "cross-entropy", "reduction": "sum"}
    session = tiny_session("vae", loss=loss, dataset={"train": 24, "test": 20}, average=0.0)
    for _ in range(30):
        session.step()
    return session


@pytest.fixture(scope="session")
def trained(tiny_session: Callable[..., Session]) -> Callable[..., Session]:
    """Makes a session of a recipe, as `tiny_session` does, that has done two steps."""

    def make(recipe: str = "learned", **changes: Any) -> Session:
        session = tiny_session(recipe, **changes)
        session.step()
        session.step()
        return session

    return make
