"""The checks of encoders find planted defects, in encoders without other defects."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Encoder, ImageShape, Posterior
from priorkit.plugins import EncoderContext
from priorkit.testing import Case, Outcome, Situations, check_component
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks.encoders import ENCODERS
from priorkit.testing.checks.posteriors import POSTERIORS
from priorkit.testing.conformance import run_check

SITUATIONS = Situations(code_dims=(2,), codes=(), shapes=(ImageShape(1, 16),), examples=2)


class Bell(Encoder):
    """A sound Gaussian encoder."""

    stochastic = True

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.body = context.networks.encoder(2 * context.code_dim)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        mean, log_variance = self.body(image).float().chunk(2, dim=1)
        # Away from 0, where variance and standard deviation are equal.
        log_variance = log_variance - 2
        return Posterior(self.draw(mean, log_variance, noise), mean, log_variance)

    def draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor | None) -> Tensor:
        return mean if noise is None else mean + self.deviation(log_variance) * self.centred(noise)

    def deviation(self, log_variance: Tensor) -> Tensor:
        return torch.exp(0.5 * log_variance)

    def centred(self, noise: Tensor) -> Tensor:
        return noise


class HeavyTails(Bell):
    """A sound encoder whose posteriors have heavy tails."""

    def centred(self, noise: Tensor) -> Tensor:
        return torch.sinh(1.5 * noise) / math.sqrt(math.expm1(2 * 1.5**2) / 2)


class HeavyTailsTooWide(HeavyTails):
    def centred(self, noise: Tensor) -> Tensor:
        return 1.3 * super().centred(noise)


class Turned(Bell):
    """A sound encoder whose dimensions share noise, but are independent."""

    def centred(self, noise: Tensor) -> Tensor:
        turned = torch.linalg.qr(
            torch.randn(noise.shape[1], noise.shape[1], generator=torch.Generator().manual_seed(0))
        )
        return noise @ turned.Q


class TurnedTooWide(Turned):
    def centred(self, noise: Tensor) -> Tensor:
        return 1.3 * super().centred(noise)


class Point(Encoder):
    """A sound deterministic encoder."""

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.body = context.networks.encoder(context.code_dim)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        code = self.body(image)
        return Posterior(code, code)


class NoDim(Bell):
    def __init__(self, context: EncoderContext) -> None:
        super().__init__(context)
        self.code_dim *= 2


class SaysPoint(Bell):
    stochastic = False


class SaysBell(Point):
    stochastic = True


class NoisyPoint(Point):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        code = super().forward(image).code
        return Posterior(code if noise is None else code + 0.1 * noise, code)


class OtherMean(Point):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        code = super().forward(image).code
        return Posterior(code, torch.tanh(code))


class CodeAlone(Point):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Any:
        return super().forward(image).code


class DrawsItself(Bell):
    def draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor | None) -> Tensor:
        return super().draw(mean, log_variance, torch.randn_like(mean) if noise is None else noise)


class NoiseUnread(Bell):
    def draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor | None) -> Tensor:
        return mean


class MeanOfTheDraw(Bell):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        found = super().forward(image, noise)
        return Posterior(found.code, found.code, found.log_variance)


class Variance(Bell):
    def deviation(self, log_variance: Tensor) -> Tensor:
        return torch.exp(log_variance)


class Quarter(Bell):
    def deviation(self, log_variance: Tensor) -> Tensor:
        return torch.exp(0.25 * log_variance)


class Raw(Bell):
    def deviation(self, log_variance: Tensor) -> Tensor:
        return log_variance


class Unscaled(Bell):
    def deviation(self, log_variance: Tensor) -> Tensor:
        return torch.ones_like(log_variance)


class OffCentre(Bell):
    def centred(self, noise: Tensor) -> Tensor:
        return noise + 0.5


class DetachedMean(Bell):
    def draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor | None) -> Tensor:
        return super().draw(mean.detach(), log_variance.detach(), noise)


class MeanOnlyWithoutNoise(Bell):
    def draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor | None) -> Tensor:
        return mean if noise is None else super().draw(mean.detach(), log_variance.detach(), noise)


class DetachedDeviation(Bell):
    def deviation(self, log_variance: Tensor) -> Tensor:
        return super().deviation(log_variance).detach()


PLANTED = [
    ("says_what_it_is", NoDim, ("code_dim is 4, but it was built for 2", "context.code_dim")),
    ("says_what_it_is", SaysPoint, ("stochastic is False, but with noise there is a log", "attribute is not set")),
    ("says_what_it_is", SaysBell, ("stochastic is True", "log-variance is left out")),
    ("says_what_it_is", CodeAlone, ("returns a Tensor, not a Posterior", "the code alone")),
    ("points_ignore_noise", NoisyPoint, ("change with the noise", "stochastic")),
    ("points_ignore_noise", OtherMean, ("mean is not the code", "another layer")),
    ("no_noise_gives_the_mean", DrawsItself, ("without noise the code differs", "drawn although none is given")),
    ("no_noise_gives_the_mean", NoiseUnread, ("other noise gives the same code", "not used")),
    ("no_noise_gives_the_mean", MeanOfTheDraw, ("the mean changes with the noise", "computed from the draw")),
    ("draws_follow_the_posterior", Variance, ("codes of an image have deviation", "variance is used as the standard")),
    ("draws_follow_the_posterior", Quarter, ("codes of an image have deviation", "halved twice")),
    ("draws_follow_the_posterior", Raw, ("codes of an image have deviation", "log-variance is used as")),
    (
        "draws_follow_the_posterior",
        Unscaled,
        ("codes of an image have deviation", "noise is not multiplied"),
    ),
    ("draws_follow_the_posterior", HeavyTailsTooWide, ("codes of an image have deviation",)),
    ("draws_follow_the_posterior", TurnedTooWide, ("codes of an image have deviation",)),
    ("draws_follow_the_posterior", OffCentre, ("standard deviations away from its mean", "does not have mean 0")),
    ("codes_are_differentiable", DetachedMean, ("without noise no gradient", "mean is detached")),
    ("codes_are_differentiable", MeanOnlyWithoutNoise, ("with noise of 0 no gradient", "mean is detached")),
    ("codes_are_differentiable", DetachedDeviation, ("difference from the mean", "standard deviation is detached")),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(
    check: str, build: Callable[[EncoderContext], Encoder], words: tuple[str, ...]
) -> None:
    [found] = [item for item in CATALOGUE["encoder"].checks if item.name == check]
    result = run_check(Case("encoder", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED
    for word in words:
        assert re.search(word, str(result)), str(result)


def test_every_special_check_finds_something() -> None:
    assert {check for check, _, _ in PLANTED} == {check.name for check in ENCODERS}


@pytest.mark.parametrize("build", [Bell, HeavyTails, Point])
def test_sound_encoders_pass(build: type[Encoder]) -> None:
    report = check_component(Case("encoder", build, situations=SITUATIONS))
    report.raise_if_failed()
    other = {"no_noise_gives_the_mean", "draws_follow_the_posterior"} if build is Point else {"points_ignore_noise"}
    other |= {check.name for check in POSTERIORS}
    assert {result.check for result in report.skipped} == {
        *other,
        "options_survive_a_file",
        "options_are_usable",
        "listing_imports_no_torch",
        "phases_keep_their_contract",
        "phases_train_their_players",
        "tracking_layers_can_be_held",
    }


@pytest.mark.parametrize("build", [HeavyTails, Turned])
def test_tails_and_turns_in_many_dimensions_are_sound(build: type[Encoder]) -> None:
    [check] = [item for item in ENCODERS if item.name == "draws_follow_the_posterior"]
    for seed in range(3):
        situations = Situations(code_dims=(8,), codes=(), shapes=(ImageShape(1, 16),))
        result = run_check(Case("encoder", build, situations=situations, seed=seed), check)
        assert result.outcome is Outcome.PASSED, str(result)


def test_no_encoder_is_skipped_unless_one_is_required() -> None:
    report = check_component(Case("encoder", lambda context: None, situations=SITUATIONS))
    assert not report.failed
    assert not report.passed
    assert "it builds None: there is no encoder" in {result.reason for result in report.skipped}
    asked = check_component(Case("encoder", lambda context: None, situations=SITUATIONS, required=("builds",)))
    assert [result.check for result in asked.failed] == ["builds"]


def test_an_encoder_that_refuses_everything_fails() -> None:
    def refuse(context: EncoderContext) -> nn.Module:
        raise ConfigurationError("never")

    assert "builds" in {result.check for result in check_component(Case("encoder", refuse)).failed}
