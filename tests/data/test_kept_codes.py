"""Codes that are computed once and kept."""

from collections.abc import Callable

import pytest
import torch

from priorkit.data import to_float
from priorkit.data.kept_codes import KeptCodes
from priorkit.engine import DataOrder, Precision
from priorkit.interfaces import ImageSet
from priorkit.training import Session

CPU = Precision(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("recipe", ["aae", "vae"])
@pytest.mark.parametrize("stored", [False, True])
def test_batches_are_the_posteriors_of_the_images_in_their_order(
    recipe: str, stored: bool, tiny_session: Callable[..., Session], kept_images: Callable[..., object]
) -> None:
    session = tiny_session(recipe)
    encoder = session.model.encoder
    assert encoder is not None
    pixels = session.data.train.take(torch.arange(20))
    images = ImageSet(kept_images(pixels) if stored else pixels)  # type: ignore[arg-type]
    entries = torch.arange(20)
    codes = KeptCodes(images, 6, seed=3, precision=CPU, channels_last=False, entries=entries)
    assert not codes.known
    codes.encode_with(encoder)
    assert codes.known
    order = DataOrder(20, 3)
    for seen in (0, 6, 18):
        indices = order.batch(seen, 6)
        with torch.no_grad():
            posterior = encoder(to_float(pixels[indices]))
        batch = codes.at(seen)
        assert batch.shape == (6, 2 if recipe == "vae" else 1, 4)
        torch.testing.assert_close(batch[:, 0], posterior.mean)
        if posterior.log_variance is not None:
            torch.testing.assert_close(batch[:, 1], posterior.log_variance)
        found = codes.entries_at(seen)
        assert found is not None
        assert torch.equal(found, indices)
    codes.forget()
    assert not codes.known


def test_images_that_bring_nothing_have_no_entries(tiny_session: Callable[..., Session]) -> None:
    codes = KeptCodes(tiny_session("aae").data.train, 6, seed=0, precision=CPU, channels_last=False)
    assert codes.entries_at(0) is None
    assert codes.workers is None
    codes.close()
