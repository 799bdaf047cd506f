"""The checks of priors' attributes, noise and labels find planted defects."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.testing import check_prior
from priorkit.testing.checks.priors import PRIORS
from sound_priors import PARTS, Bell, Blend, Planted, Pushed


@pytest.mark.parametrize("prior", [Blend, Bell, Pushed])
def test_sound_priors_pass(prior: type[Prior]) -> None:
    report = check_prior(prior)
    report.raise_if_failed()
    assert len(report.passed) > 15


class IgnoresItsGenerator(Bell):
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, device=device)


class SeedsItself(Bell):
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        own = generator if generator is not None else torch.Generator().manual_seed(0)
        return torch.randn(n, self.code_dim, generator=own, device=device)


class DrawsHalfOfItElsewhere(Blend):
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        which = torch.rand(n, 1, device=device)
        return torch.cat([which, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)


class NoiseOfWholeNumbers(Bell):
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randint(-3, 4, (n, self.code_dim), generator=generator, device=device)


class NoiseOnTheCpu(Bell):
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator)


class DropsOutInTraining(Pushed):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return nn.functional.dropout(super().forward(noise, condition), 0.1, self.training)


class ForgetsItsNoise(Pushed):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise.sign().abs(), condition)


class SamplesInItsOwnWay(Bell):
    def sample(self, n: int, *, generator: torch.Generator | None = None, **_: Any) -> Tensor:
        return self.mean + torch.randn(n, self.code_dim, generator=generator)


class OtherCodes(Bell):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.code_dim = context.code_dim
        self.size = context.code_dim
        self.code_dim = 64

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.size, generator=generator, device=device)


class SaysItIsFixed(Pushed):
    learning = Learning.FIXED


class KeepsTheEncoder(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.encoder = context.encoder


class HidesItsDensity(Bell):
    has_density = False


class AlwaysTakesACondition(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.takes_condition = True


class HidesItsParts(Blend):
    clusters = 0


class IgnoresLabels(Pushed):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise, None if condition is None else torch.zeros_like(condition))


class TakesTwoLabelsForOne(Pushed):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        if condition is not None:
            both = condition[:, -2:].sum(1, keepdim=True)
            condition = torch.cat([condition[:, :-2], both, torch.zeros_like(both)], dim=1)
        return super().forward(noise, condition)


class SharesAreAllAlike(Blend):
    def responsibilities(self, code: Tensor) -> Tensor:
        return torch.full((len(code), PARTS), 1 / PARTS, device=code.device)


class DensityIgnoresLabels(Blend):
    def log_weights(self, condition: Tensor | None) -> Tensor:
        return super().log_weights(None)


class SharesOverTheBatch(Blend):
    def responsibilities(self, code: Tensor) -> Tensor:
        return self.log_parts(code).sum(2).softmax(0)


class SharesAreDensities(Blend):
    def responsibilities(self, code: Tensor) -> Tensor:
        return self.log_parts(code).sum(2).exp()


class LossIsANumber(Bell):
    def parameter_loss(self) -> Any:
        return self.mean.detach().square().sum()


class LossIsAVector(Bell):
    def parameter_loss(self) -> Tensor:
        return self.mean.square()


PLANTED = [
    Planted(
        "noise_comes_from_the_generator",
        IgnoresItsGenerator,
        "draws from the global generator of torch.*the generator is ignored",
    ),
    Planted("noise_comes_from_the_generator", SeedsItself, "without a generator it draws the same.*seeds a generator"),
    Planted("noise_comes_from_the_generator", DrawsHalfOfItElsewhere, "not passed to every call that draws"),
    Planted("noise_comes_from_the_generator", NoiseOfWholeNumbers, "is torch.int64 of shape"),
    Planted("noise_is_made_on_the_device", NoiseOnTheCpu, r"noise.* is on cpu.*pass `device=device`"),
    Planted(
        "noise_decides_the_codes", DropsOutInTraining, "forward draws from the global generator of torch.*uses dropout"
    ),
    Planted("noise_decides_the_codes", ForgetsItsNoise, "other noise gives the same codes.*the noise is not used"),
    Planted("noise_decides_the_codes", SamplesInItsOwnWay, r"sample\(\) gives other codes.*sample is overridden"),
    Planted("says_what_it_is", OtherCodes, "code_dim is 64, but it was built for 2.*self.code_dim = context.code_dim"),
    Planted("says_what_it_is", SaysItIsFixed, "learning is FIXED, but it has parameters to train"),
    Planted("says_what_it_is", KeepsTheEncoder, "the run's encoder is among its submodules"),
    Planted("says_what_it_is", HidesItsDensity, "has_density is False, but log_prob has a value"),
    Planted("says_what_it_is", AlwaysTakesACondition, "takes_condition is True although there is no condition"),
    Planted("says_what_it_is", HidesItsParts, "clusters is 0, but responsibilities has a value"),
    Planted("labels_change_codes", IgnoresLabels, "768 of 768 codes are the same for another condition.*is ignored"),
    Planted(
        "labels_change_codes",
        TakesTwoLabelsForOne,
        "256 of 768 codes are the same for another.*only part of it",
    ),
    Planted("labels_change_codes", DensityIgnoresLabels, "log_prob of a code is the same for another condition"),
    Planted("parts_share_each_code", SharesOverTheBatch, "add up to between.*over the wrong dimension"),
    Planted("parts_share_each_code", SharesAreAllAlike, "responsibilities are the same for all codes"),
    Planted("parts_share_each_code", SharesAreDensities, "add up to between.*not normalised over the components"),
    Planted("parameters_have_a_loss", LossIsANumber, "no gradient leaves parameter_loss"),
    Planted("parameters_have_a_loss", LossIsAVector, r"of shape \(2,\).*a vector"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_defect_is_found(planted: Planted) -> None:
    planted.must_be_found()


def test_every_check_finds_a_defect() -> None:
    assert {check.name for check in PRIORS} == {planted.check for planted in PLANTED}
