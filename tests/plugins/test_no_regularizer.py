"""The regularizer `none`."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Encoder, Posterior, Prior
from priorkit.registry import installed_plugins
from priorkit.training import Session
from priorkit_plugins.no_regularizer import NoRegularizerOptions, priorkit_regularizers


class ConstantEncoder(Encoder):
    code_dim = 2

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        raise AssertionError


class UnknownPrior(Prior):
    code_dim = 2

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        raise AssertionError

    def forward(self, noise: Tensor) -> Tensor:
        raise AssertionError


def test_it_leaves_codes_alone() -> None:
    (component,) = priorkit_regularizers()
    assert installed_plugins().get("regularizer", "none").component == component
    regularizer = component.build(NoRegularizerOptions(), None)
    code = torch.ones(3, 2)
    encoder, prior = ConstantEncoder(), UnknownPrior()
    regularizer.check(encoder, prior)
    assert regularizer.encoder_terms(Posterior(code, code), prior, code) == {}
    assert regularizer.critic_terms(code, code) == {}
    assert not regularizer.has_critic
    assert regularizer.state_dict() == {}


def test_it_says_that_it_trains_no_prior() -> None:
    (component,) = priorkit_regularizers()
    assert not component.build(NoRegularizerOptions(), None).trains_prior


def test_priors_that_learn_by_likelihood_are_refused_unless_they_have_a_stage(
    tiny_session: Callable[..., Session],
) -> None:
    changes = {"prior": "location", "regularizer": "none"}
    with pytest.raises(ConfigurationError, match=r"trains nothing, but LocationPrior learns by .*--stages all"):
        tiny_session("vae", **changes)
    tiny_session("vae", **changes, stages="autoencoder:1,code-fitting:1")
