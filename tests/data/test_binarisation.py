from collections.abc import Callable

import pytest
import torch

from priorkit.data import binarised
from priorkit.data.batches import Batches
from priorkit.interfaces import ImageSet
from priorkit.training import Session


def test_black_and_white() -> None:
    grey = torch.tensor([0, 1, 127, 128, 255], dtype=torch.uint8).repeat(2000, 1).reshape(2000, 1, 1, 5)
    assert binarised(grey, "none", 0, 0) is grey
    assert binarised(grey, "threshold", 0, 0)[0].flatten().tolist() == [0, 0, 0, 255, 255]
    drawn = binarised(grey, "stochastic", 0, 0)
    assert set(drawn.unique().tolist()) == {0, 255}
    shares = (drawn > 0).double().mean(0).flatten()
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares.tolist() == pytest.approx([0, 1 / 255, 127 / 255, 128 / 255, 1], abs=0.04)
    assert torch.equal(drawn, binarised(grey, "stochastic", 0, 0))
    assert not torch.equal(drawn, binarised(grey, "stochastic", 1, 0))
    assert not torch.equal(drawn, binarised(grey, "stochastic", 0, 2000))
    assert torch.equal(binarised(drawn, "stochastic", 3, 0), drawn), "black and white stay"


def batches(how: str, seed: int = 0, share: slice = slice(None)) -> Batches:
    pixels = torch.randint(0, 256, (10, 1, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    device = torch.device("cpu")
    return Batches(ImageSet(pixels), 6, seed=seed, device=device, channels_last=False, share=share, binarise=how)


@pytest.mark.parametrize("how", ["none", "threshold", "stochastic"])
def test_processes_see_parts_of_one_batch(how: str) -> None:
    parts = [batches(how, share=slice(*bounds)).at(6) for bounds in ((0, 2), (2, 6))]
    assert torch.equal(torch.cat(parts), batches(how).at(6))
    if how != "none":
        assert set(batches(how).at(6).unique().tolist()) == {-1.0, 1.0}


def test_the_same_image_is_drawn_anew_each_time() -> None:
    grey = torch.full((1, 1, 16, 16), 128, dtype=torch.uint8)
    single = Batches(ImageSet(grey), 1, seed=0, device=torch.device("cpu"), channels_last=False, binarise="stochastic")
    assert torch.equal(single.at(3), single.at(3))
    assert not torch.equal(single.at(3), single.at(4))


@pytest.mark.parametrize("how", ["threshold", "stochastic"])
def test_a_run_is_reviewed_in_black_and_white(how: str, tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", binarise=how)
    session.step()
    first, second = session.review().originals, session.review().originals
    assert set(first.unique().tolist()) == {0, 255}
    assert torch.equal(first, second)
