"""The checks of densities and samples find planted defects, and explain them."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from priorkit.interfaces import Prior
from priorkit.testing import Outcome, Situations, check_prior
from priorkit.testing.checks.clipping import CLIPPING
from priorkit.testing.checks.densities import DENSITIES
from priorkit.testing.checks.joint_densities import JOINT_DENSITIES
from sound_priors import PARTS, Bell, Blend, Planted, Pushed


class DropsTheNormaliser(Blend):
    def log_parts(self, code: Tensor) -> Tensor:
        return super().log_parts(code) + math.log(math.tau) / 2


class NormalisesOnce(Blend):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code, condition) + (self.code_dim - 1) * math.log(math.tau) / 2


class ForgetsItsScale(Blend):
    def log_parts(self, code: Tensor) -> Tensor:
        return super().log_parts(code) + self.log_std


class ForgetsItsWeights(Blend):
    def log_weights(self, condition: Tensor | None) -> Tensor:
        return torch.zeros(()) if condition is None else super().log_weights(condition)


class VarianceForDeviation(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + (2 * self.log_std).exp() * noise


class WrongOfOneClass(Blend):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        found = super().log_prob(code, condition)
        return found if condition is None else found + 9 * condition[:, 2]


class TakesAClassForGranted(Blend):
    def log_weights(self, condition: Tensor | None) -> Tensor:
        return super().log_weights(torch.eye(PARTS)[:1] if condition is None and self.takes_condition else condition)


class SumsClassesUp(Blend):
    def log_weights(self, condition: Tensor | None) -> Tensor:
        return torch.zeros(()) if condition is None and self.takes_condition else super().log_weights(condition)


class NormalisesTwoDimensions(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) + max(self.code_dim - 2, 0) * math.log(math.tau) / 2


class WideInManyDimensions(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.log_std.exp() * noise * (1.2 if self.code_dim > 2 else 1)


class FarOffInManyDimensions(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.log_std.exp() * noise * (5 if self.code_dim > 2 else 1)


class LooksElsewhere(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise) - 0.2


class SumsPartsFirst(Blend):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        parts = self.log_parts(code)
        return (parts + self.log_weights(condition).to(parts.device)[..., None]).logsumexp(1).sum(1)


class SeparateDimensions(Bell):
    def distribution(self) -> Any:
        return Normal(self.mean, self.log_std.exp(), validate_args=False)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code).sum(1)


class AnotherDistribution(Bell):
    def distribution(self) -> Any:
        return Independent(Normal(self.mean, 2 * self.log_std.exp(), validate_args=False), 1, validate_args=False)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return Bell.distribution(self).log_prob(code.float())  # type: ignore[no-any-return]


class ClipsItsCodes(Blend):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise, condition).clamp(-1.5, 1.5)


class ClipsItsNoise(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise.clamp(-2.5, 2.5))


class ClipsWhatNobodyDraws(Bell):
    """Clips noise, as a function that is infinite at the ends of the range requires."""

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise.clamp(-6, 6))


PLANTED = [
    Planted(
        "samples_are_not_clipped",
        ClipsItsCodes,
        r"\d+ of 20000 samples( of class 0)? are exactly -?1\.5 in dimension \d, and none .*clips noise or codes",
    ),
    Planted("samples_are_not_clipped", ClipsItsNoise, r"samples are exactly .* in dimension 0.*truncated distribution"),
    Planted(
        "densities_normalise",
        DropsTheNormaliser,
        r"integrates to 6\.\d+, not to 1.*normaliser .* of a Gaussian is missing",
    ),
    Planted("densities_normalise", NormalisesOnce, r"integrates to 2\.\d+, not to 1.*for too few dimensions"),
    Planted("densities_normalise", ForgetsItsScale, "integrates to .*the log of a scale"),
    Planted(
        "densities_normalise",
        ForgetsItsWeights,
        r"integrates to (2\.9|3)\d*, not to 1.*3 components are added up without weights",
    ),
    Planted(
        "samples_follow_the_density",
        VarianceForDeviation,
        r"samples have deviation .* but the density has .*the variance is used instead of the standard deviation",
    ),
    Planted("densities_normalise", WrongOfOneClass, "the density of class 2 integrates to 8"),
    Planted("densities_over_all_classes", TakesAClassForGranted, "of the classes are 1, 0, 0: the density ignores"),
    Planted("densities_over_all_classes", SumsClassesUp, "add up to 3, not to 1.*without weights"),
    Planted("densities_hold_in_many_dimensions", NormalisesTwoDimensions, r"integrates to 15\.\d.*too few or too many"),
    Planted(
        "densities_hold_in_many_dimensions",
        WideInManyDimensions,
        r"samples have deviation .* in dimension \d of 5, but the density has",
    ),
    Planted(
        "densities_hold_in_many_dimensions",
        FarOffInManyDimensions,
        "samples lie where the density is close to 0, in 5 dimensions",
    ),
    Planted("samples_follow_the_density", LooksElsewhere, "samples do not follow the density.*a shift, a scale"),
    Planted(
        "dimensions_are_summed_first",
        SumsPartsFirst,
        "a mixture of 3 components.*logsumexp over components is taken before the sum over dimensions",
    ),
    Planted("joint_densities", SeparateDimensions, r"the event shape .* is \(\), not \(2,\).*Independent"),
    Planted("joint_densities", AnotherDistribution, "log_prob and distribution.* nats apart"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_defect_is_found(planted: Planted) -> None:
    planted.must_be_found()


@pytest.mark.parametrize("clipped", [ClipsItsCodes, ClipsItsNoise])
def test_clipped_samples_have_one_message(clipped: type[Prior]) -> None:
    report = check_prior(clipped, situations=Situations(code_dims=(2, 5), classes=(0,), examples=2))
    assert {result.check for result in report.failed} == {"samples_are_not_clipped"}, str(report)
    reasons = {result.check: result.reason for result in report.skipped}
    assert "its samples are clipped" in reasons["samples_follow_the_density"]


def test_clipping_that_changes_no_sample_passes() -> None:
    report = check_prior(ClipsWhatNobodyDraws, situations=Situations(code_dims=(2, 5), classes=(0,), examples=2))
    assert not report.failed, str(report)


def test_every_check_finds_a_defect() -> None:
    assert {check.name for check in (*CLIPPING, *DENSITIES, *JOINT_DENSITIES)} == {planted.check for planted in PLANTED}


def test_a_density_that_is_required_may_not_be_forgotten() -> None:
    report = check_prior(Pushed, required=("densities_normalise",), situations=Situations(code_dims=(2,), classes=(0,)))
    (failed,) = report.failed
    assert failed.check == "densities_normalise"
    assert failed.reason == "the check is required, but does not apply: it has no density"
    assert all(result.outcome is not Outcome.EXPECTED_FAILURE for result in report.results)
