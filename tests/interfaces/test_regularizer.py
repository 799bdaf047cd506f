"""What a regularizer gets from its base class."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior, Prior, Regularizer


class ShrinkingRegularizer(Regularizer):
    """Pulls codes to the origin."""

    def encoder_terms(self, posterior: Posterior, prior: Prior, prior_code: Tensor) -> dict[str, Tensor]:
        return {"size": posterior.code.square().sum()}


def test_a_regularizer_without_parameters_has_no_critic() -> None:
    regularizer = ShrinkingRegularizer()
    assert not regularizer.has_critic
    assert regularizer.critic_terms(torch.zeros(1, 2), torch.zeros(1, 2)) == {}


def test_a_regularizer_with_parameters_has_a_critic() -> None:
    regularizer = ShrinkingRegularizer()
    regularizer.critic = nn.Linear(2, 1)
    assert regularizer.has_critic


def test_buffers_are_no_critic() -> None:
    regularizer = ShrinkingRegularizer()
    regularizer.register_buffer("scale", torch.ones(1))
    assert not regularizer.has_critic


def test_by_default_every_encoder_and_prior_will_do() -> None:
    class AnyEncoder(Encoder):
        def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
            raise AssertionError

    class AnyPrior(Prior):
        def noise(self, n: int, **_: object) -> Tensor:
            raise AssertionError

        def forward(self, noise: Tensor) -> Tensor:
            raise AssertionError

    ShrinkingRegularizer().check(AnyEncoder(), AnyPrior())
