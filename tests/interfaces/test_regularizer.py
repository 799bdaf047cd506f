"""What a regularizer inherits from its base class."""

from typing import cast

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior, Prior, Regularizer, System


class ShrinkingRegularizer(Regularizer):
    """Pulls codes to the origin."""

    def encoder_terms(self, posterior: Posterior, prior: Prior, *_: object) -> dict[str, Tensor]:
        return {"size": posterior.code.square().sum()}


def test_a_regularizer_has_no_critic_and_no_phases_unless_it_says_so() -> None:
    regularizer = ShrinkingRegularizer()
    regularizer.scale = nn.Parameter(torch.ones(1))
    assert not regularizer.has_critic
    assert regularizer.critic_terms(torch.zeros(1, 2), torch.zeros(1, 2)) == {}
    assert regularizer.phases(cast(System, None)) == ()
    assert regularizer.encoder_noise(3).shape == (3, 0)
    assert regularizer.encoder_noise(3, device=torch.device("meta")).is_meta


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
