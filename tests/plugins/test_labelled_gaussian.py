"""The prior `labelled-gaussian`."""

from typing import Any

import pytest
import scipy.stats
import torch

from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit_plugins.labelled_gaussian import LabelledGaussianOptions, priorkit_priors


def make(code_dim: int, condition_dim: int) -> Prior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    assert component.name == "labelled-gaussian"
    return component.build(LabelledGaussianOptions(), PriorContext(code_dim, code_generator, condition_dim))


def test_codes_are_the_condition_and_the_noise() -> None:
    prior = make(7, 3)
    condition = torch.eye(3)[[2, 0, 1, 1]]
    noise = prior.noise(4, generator=torch.Generator().manual_seed(0))
    assert noise.shape == (4, 4)
    codes = prior(noise, condition)
    assert torch.equal(codes[:, :3], condition)
    assert torch.equal(codes[:, 3:], noise)
    assert prior.takes_condition
    assert prior.learning is Learning.FIXED
    assert not prior.has_density
    assert prior.state_dict() == {}


def test_the_noise_is_standard_normal() -> None:
    noise = make(7, 3).noise(20_000, generator=torch.Generator().manual_seed(0))
    assert scipy.stats.kstest(noise.flatten(), "norm").pvalue > 1e-8


def test_it_needs_a_condition() -> None:
    with pytest.raises(ValueError, match="use --condition labels"):
        make(7, 0)
    with pytest.raises(ValueError, match="needs the condition s of every code"):
        make(7, 3).sample(2)


def test_it_needs_room_for_noise() -> None:
    with pytest.raises(ValueError, match="use --code-dim 8 or more"):
        make(7, 7)
    assert make(8, 7).noise(2).shape == (2, 1)
