"""The checks of priors that learn from codes find planted defects."""

import pytest
import torch
from torch import Tensor, nn

from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.testing import check_prior
from priorkit.testing.checks.code_learning import CODE_LEARNING
from sound_priors import Planted


class Fitted(Prior):
    """A normal distribution with independent dimensions, fitted by likelihood to codes with added noise."""

    learning = Learning.CODES
    smoothing = 0.1

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.mean = nn.Parameter(torch.randn(self.code_dim))
        self.log_deviation = nn.Parameter(torch.randn(self.code_dim) * 0.1)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.log_deviation.exp() * noise

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        apart = code.float() + self.smoothing * noise - self.mean
        return ((apart / self.log_deviation.exp()).square() / 2 + self.log_deviation).mean() * 10


class NoiseElsewhere(Fitted):
    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.randn(n, self.code_dim, device=device)


class TheSameNoise(Fitted):
    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.ones(n, self.code_dim, device=device)


class DrawsInItsLoss(Fitted):
    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().code_loss(code, torch.randn_like(noise), condition)


class WrongSign(Fitted):
    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return -(code - self.mean).square().mean() + self.log_deviation.square().mean()


class OwnCodes(Fitted):
    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().code_loss(self(noise).detach() + 0 * code, noise, condition)


class APoint(Fitted):
    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        # Nothing keeps the standard deviation from vanishing.
        return 10 * (code - self.mean).square().mean() + self.log_deviation.mean()


PLANTED = [
    Planted("code_noise_comes_from_the_generator", NoiseElsewhere, "draws from the global generator of torch"),
    Planted("code_noise_comes_from_the_generator", TheSameNoise, "another seed gives the same noise"),
    Planted("code_noise_comes_from_the_generator", DrawsInItsLoss, "code_loss draws from the global generator"),
    Planted("learns_the_codes", WrongSign, "from that of the codes it learned from.*wrong sign"),
    Planted("learns_the_codes", OwnCodes, "from that of the codes it learned from.*does not depend on the given codes"),
    Planted("learns_the_codes", APoint, "the standard deviation of its codes is.*not their spread"),
]


def test_a_sound_prior_passes() -> None:
    report = check_prior(Fitted)
    report.raise_if_failed()
    assert {"code_noise_comes_from_the_generator", "learns_the_codes"} <= {outcome.check for outcome in report.passed}


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_defect_is_found(planted: Planted) -> None:
    planted.must_be_found()


def test_every_check_finds_a_defect() -> None:
    assert {check.name for check in CODE_LEARNING} == {planted.check for planted in PLANTED}
