"""The defaults of `AdversarialLoss`."""

import pytest
import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss


class Plain(AdversarialLoss):
    def real(self, logits: Tensor) -> Tensor:
        return logits.mean()

    fake = generator = real


def test_it_takes_every_critic_and_has_no_penalty() -> None:
    loss = Plain()
    loss.check(nn.BatchNorm1d(2))
    assert not loss.has_penalty
    assert not loss.needs_whole_batch
    with pytest.raises(AssertionError, match="Plain has no penalty"):
        loss.penalty(nn.Identity(), torch.zeros(1), torch.zeros(1), torch.zeros(1))
