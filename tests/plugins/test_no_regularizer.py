"""The regularizer `none`."""

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import Encoder, Learning, Posterior, Prior
from priorkit.registry import installed_plugins
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


def test_priors_that_learn_by_likelihood_are_refused() -> None:
    (component,) = priorkit_regularizers()
    prior = UnknownPrior()
    prior.learning = Learning.LIKELIHOOD
    with pytest.raises(ValueError, match="trains nothing, and UnknownPrior learns by likelihood; use --regularizer kl"):
        component.build(NoRegularizerOptions(), None).check(ConstantEncoder(), prior)
