import pytest
import torch

from priorkit.training import binarised


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
