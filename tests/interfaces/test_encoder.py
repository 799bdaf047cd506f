"""Posteriors."""

import dataclasses

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import Encoder, Posterior


class MeanEncoder(Encoder):
    """The code is the mean pixel."""

    code_dim = 1

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        code = image.mean((1, 2, 3))[:, None]
        return Posterior(code, mean=code)


def test_by_default_an_encoder_is_deterministic() -> None:
    encoder = MeanEncoder()
    assert not encoder.stochastic
    posterior = encoder(torch.ones(2, 1, 4, 4))
    assert posterior.log_variance is None
    assert torch.equal(posterior.code, torch.ones(2, 1))


def test_a_posterior_does_not_change() -> None:
    posterior = Posterior(torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        posterior.code = torch.ones(1, 2)  # type: ignore[misc]
