"""Priors with one defect each, which the check that looks for it finds, and says what it is."""

import importlib
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Learning, Prior
from priorkit.plugins import Component, Options, PriorContext
from priorkit.testing import Case, Outcome, Situations, check_prior
from priorkit.testing.conformance import checks_of, run_check

PARTS = 3


class Blend(Prior):
    """A mixture of three Gaussians, learned by likelihood, which are the classes if there are any. Without defects."""

    learning = Learning.LIKELIHOOD
    has_density = True
    clusters = PARTS

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        if context.condition_dim != context.classes:
            raise ConfigurationError("each part is a class, and this condition is none")
        self.takes_condition = context.classes > 0
        self.mean = nn.Parameter(1.5 * torch.randn(PARTS, self.code_dim))
        self.log_std = nn.Parameter(torch.full((PARTS, self.code_dim), -0.7))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        which = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([which, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)

    def weights(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        if condition is not None:
            return condition
        return nn.functional.one_hot((noise[:, 0] * PARTS).long().clamp(max=PARTS - 1), PARTS).to(noise.dtype)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        weights = self.weights(noise, condition)
        return weights @ self.mean + (weights @ self.log_std.exp()) * noise[:, 1:]

    def log_parts(self, code: Tensor) -> Tensor:
        """Log-densities in every dimension: (N, parts, code_dim)."""
        standard = (code.float()[:, None] - self.mean) / self.log_std.exp()
        return -standard.square() / 2 - self.log_std - math.log(math.tau) / 2

    def log_weights(self, condition: Tensor | None) -> Tensor:
        return torch.tensor(-math.log(PARTS)) if condition is None else condition.clamp(min=1e-30).log()

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        parts = self.log_parts(code).sum(2)
        return (parts + self.log_weights(condition).to(parts.device)).logsumexp(1)

    def responsibilities(self, code: Tensor) -> Tensor:
        return self.log_parts(code).sum(2).softmax(1)


class Bell(Prior):
    """A Gaussian, learned by likelihood, that takes no condition. Without defects."""

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.mean = nn.Parameter(torch.ones(self.code_dim))
        self.log_std = nn.Parameter(torch.full((self.code_dim,), -0.7))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.log_std.exp() * noise

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        log_density: Tensor = self.distribution().log_prob(code.float())
        return log_density

    def distribution(self) -> Any:
        return Independent(Normal(self.mean, self.log_std.exp(), validate_args=False), 1, validate_args=False)

    def parameter_loss(self) -> Tensor | None:
        return self.mean.square().sum() / 100


class Pushed(Prior):
    """A code generator's prior, which takes a condition. Without defects."""

    learning = Learning.ADVERSARIAL

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.takes_condition = context.condition_dim > 0
        self.generator = context.code_generator(3 + context.condition_dim, None)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, 3, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        codes: Tensor = self.generator(noise if condition is None else torch.cat([noise, condition], dim=1))
        return codes


SOUND = [Blend, Bell, Pushed]


@pytest.mark.parametrize("prior", SOUND)
def test_sound_priors_pass(prior: type[Prior]) -> None:
    report = check_prior(prior)
    report.raise_if_failed()
    assert len(report.passed) > 15


# How it is built


def not_a_prior(context: PriorContext) -> Any:
    return nn.Linear(3, context.code_dim)


def needs_more_than_its_context(context: PriorContext) -> Any:
    return Bell(context.posterior)  # type: ignore[attr-defined]


class DrawsWeightsWithNumpy(Bell):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.mean = nn.Parameter(torch.from_numpy(np.random.default_rng().normal(size=self.code_dim)).float())


class RestlessOptions(Options):
    scale: float = Field(1.0, gt=0, description="scale")

    @field_validator("scale")
    @classmethod
    def _doubled(cls, scale: float) -> float:
        return 2 * scale


class BoundlessOptions(Options):
    parts: int = Field(3, description="number of parts")


class ChoosyOptions(Options):
    parts: int = Field(3, ge=1, description="number of parts")


class DividesByItsOption(Bell):
    def __init__(self, options: Any, context: PriorContext) -> None:
        super().__init__(context)
        self.share = [1 // (part + options.parts - 3) for part in range(1, 3)]


class RefusesSilently(Bell):
    def __init__(self, options: Any, context: PriorContext) -> None:
        super().__init__(context)
        if options.parts == 1:
            raise ValueError


def component(options: type[Options], build: Callable[[Any, Any], Any]) -> Component[Any]:
    return Component("planted", options, build, summary="a prior with a defect", source="this test")


# Numbers


class DimensionsApart(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        log_density: Tensor = self.distribution().base_dist.log_prob(code.float())
        return log_density


class LosesTheBatch(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise).squeeze()


class DoublePrecision(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) + torch.tensor(0.0, dtype=torch.float64, device=code.device).expand(len(code))


class RootOfZero(Bell):
    """exp(-|code|) in one dimension and more; the root's slope at 0 is infinite."""

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        distance = code.float().square().sum(1).sqrt()
        return super().log_prob(code) + 0 * distance


class Overflows(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) + 1e-9 * code.float().exp().sum(1)


# Randomness


class AddsNoiseOfItsOwn(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code + 1e-3 * torch.randn_like(code))


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


# Batches


class StandardisesTheBatch(Pushed):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        codes = super().forward(noise, condition)
        return codes - 0.1 * codes.mean(0)


class LogProbOfTheBatch(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) + 0.01 * code.float().norm(dim=0).sum()


# States


class CountsInEvaluation(Bell):
    calls: Tensor

    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.register_buffer("calls", torch.zeros(()))

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        self.calls += 1
        return super().log_prob(code)


class TrainsItself(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(code.mean(0), 0.01)
        return super().log_prob(code)


class WritesIntoItsInput(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise.mul_(self.log_std.exp().detach()) + self.mean + 0 * self.log_std


class SizedByItsData(Bell):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.register_buffer("seen", torch.zeros(context.train_count))


class DropsOutOfItsDensity(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return nn.functional.dropout(super().log_prob(code), 0.1, self.training)


class KeepsAPlainTensor(Bell):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.shift = torch.randn(())

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise) + self.shift

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code - self.shift)

    def distribution(self) -> Any:
        return Independent(Normal(self.mean, self.log_std.exp(), validate_args=False), 1, validate_args=False)


class RemembersTheOriginal(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.call = lambda noise, condition: Pushed.forward(self, noise, condition)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        codes: Tensor = self.call(noise, condition)
        return codes


# Gradients


class CutsTheGraph(Bell):
    def distribution(self) -> Any:
        return Independent(Normal(self.mean, self.log_std.detach().exp(), validate_args=False), 1, validate_args=False)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.log_std.detach().exp() * noise


class DetachesCodes(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code.detach())


class HasAParameterTooMany(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.temperature = nn.Parameter(torch.ones(()))


# Devices, precision


class ReadsAValue(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) if code.abs().max() < 1e3 else super().log_prob(code.clamp(-1e6, 1e6))


class ChecksItsArguments(Bell):
    def distribution(self) -> Any:
        return Independent(Normal(self.mean, self.log_std.exp()), 1)


class MakesATensorOnTheCpu(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise) + torch.zeros(self.code_dim)


class ComputesInHalfPrecision(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return (
            super()
            .log_prob(code @ torch.eye(self.code_dim, device=code.device))
            .to(torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32)
        )


class DensityInItsInputsPrecision(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return Bell.distribution(self).log_prob(code).to(code.dtype)  # type: ignore[no-any-return]


class CancelsInHalfPrecision(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        far = (code + 500.0) @ torch.eye(self.code_dim, device=code.device)
        return super().log_prob(far - 500.0)


class DetachesCodesWhenCompiled(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code.detach() + 0 * code if torch.compiler.is_compiling() else code)


class DiffersWhenCompiled(Bell):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        if torch.compiler.is_compiling():
            return self.mean + self.log_std * noise
        return super().forward(noise)


class LearnsNothingWhenCompiled(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        log_density = super().log_prob(code)
        return log_density.detach() + 0 * log_density if torch.compiler.is_compiling() else log_density


# What it says of itself


class TakesTheEncoderForGranted(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.code_dim = context.encoder.code_dim


class TakesClassesForGranted(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.generator = context.code_generator(3 + context.classes, None)


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


# Labels and parts


class IgnoresLabels(Pushed):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise, None if condition is None else torch.zeros_like(condition))


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


# Densities


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


@dataclass(frozen=True)
class Planted:
    """A defect, the check that finds it, and what its message says."""

    check: str
    subject: Any
    says: str

    def __str__(self) -> str:
        name = getattr(self.subject, "__name__", None) or self.subject.options.__name__
        return f"{self.check}-{name}"


PLANTED = [
    Planted("builds", TakesTheEncoderForGranted, "has no attribute 'code_dim' in .* and no encoder"),
    Planted("shapes_and_dtypes", TakesClassesForGranted, "mat1 and mat2 .* and a condition of 4 dimensions"),
    Planted("builds", not_a_prior, r"builds a Linear, not a Prior.*derive from priorkit\.interfaces\.Prior"),
    Planted(
        "builds",
        needs_more_than_its_context,
        r"no attribute 'posterior' in .*test_planted_priors.py:\d+ \(with code_dim 2\)",
    ),
    Planted("seed_decides_its_weights", DrawsWeightsWithNumpy, "'mean' differs.*a generator other than torch's"),
    Planted(
        "options_survive_a_file",
        component(RestlessOptions, lambda options, context: Bell(context)),
        "is read back as RestlessOptions.*a validator changes",
    ),
    Planted(
        "options_are_usable",
        component(BoundlessOptions, DividesByItsOption),
        r"ZeroDivisionError.*BoundlessOptions\(parts=.*allows values.*give the field its bounds",
    ),
    Planted("options_are_usable", component(ChoosyOptions, RefusesSilently), "refused without a word"),
    Planted(
        "shapes_and_dtypes",
        DimensionsApart,
        r"shape \(1, 2\) for 1 samples, not \(1,\).*not summed over the dimensions of a code",
    ),
    Planted("shapes_and_dtypes", LosesTheBatch, r"forward has shape \(2,\) for 1 samples.*a squeeze"),
    Planted("shapes_and_dtypes", DoublePrecision, "log_prob is torch.float64.*a float64 tensor"),
    Planted("finite_numbers", RootOfZero, "gradient of log_prob of codes of 0.*'code'.*a root.*epsilons under roots"),
    Planted(
        "finite_numbers", Overflows, "log_prob of large codes has values that are infinite.*an exponential overflows"
    ),
    Planted("repeatable", AddsNoiseOfItsOwn, "log_prob draws from the global generator of torch.*noise is drawn"),
    Planted(
        "noise_comes_from_the_generator",
        IgnoresItsGenerator,
        "draws from the global generator of torch.*the generator is ignored",
    ),
    Planted("noise_comes_from_the_generator", SeedsItself, "without a generator it draws the same.*seeds a generator"),
    Planted("noise_comes_from_the_generator", DrawsHalfOfItElsewhere, "not passed on to every call that draws"),
    Planted("noise_comes_from_the_generator", NoiseOfWholeNumbers, "is torch.int64 of shape"),
    Planted("noise_is_made_on_the_device", NoiseOnTheCpu, r"noise.* is on cpu.*pass `device=device`"),
    Planted(
        "noise_decides_the_codes", DropsOutInTraining, "forward draws from the global generator of torch.*uses dropout"
    ),
    Planted("noise_decides_the_codes", ForgetsItsNoise, "other noise gives the same codes.*the noise is not used"),
    Planted("noise_decides_the_codes", SamplesInItsOwnWay, r"sample\(\) gives other codes.*sample is overridden"),
    Planted("samples_are_independent", StandardisesTheBatch, "forward of a sample changes by up to.*over the batch"),
    Planted("samples_are_independent", LogProbOfTheBatch, "log_prob of a sample changes.*over the batch"),
    Planted("use_changes_nothing", CountsInEvaluation, "log_prob changes 'calls' in evaluation mode.*if self.training"),
    Planted("use_changes_nothing", TrainsItself, "log_prob changes 'mean' in training mode.*optimisers do"),
    Planted("use_changes_nothing", WritesIntoItsInput, "forward changes its input 'noise'.*in place"),
    Planted(
        "states_are_whole", KeepsAPlainTensor, "differs after the state was saved.*neither a parameter nor a buffer"
    ),
    Planted("copies_are_independent", RemembersTheOriginal, "still computes with the original's parameters"),
    Planted("gradients_reach_what_learns", CutsTheGraph, "reaches the parameters log_std.*cuts the graph"),
    Planted("gradients_reach_what_learns", DetachesCodes, "no gradient of log_prob reaches its input 'code'"),
    Planted(
        "gradients_reach_what_learns", HasAParameterTooMany, "reaches the parameters temperature.*parameter is not used"
    ),
    Planted(
        "values_are_not_read", ChecksItsArguments, "log_prob reads a value.*`validate_args=False` of distributions"
    ),
    Planted("values_are_not_read", ReadsAValue, "log_prob reads a value.*`if tensor`.*torch.where"),
    Planted("stays_on_its_device", MakesATensorOnTheCpu, "forward mixes devices.*made on the CPU.*`device=x.device`"),
    Planted("bfloat16_agrees", ComputesInHalfPrecision, "log_prob under autocast is torch.bfloat16"),
    Planted(
        "bfloat16_agrees", CancelsInHalfPrecision, "log_prob under autocast is .* away.*a difference of like numbers"
    ),
    Planted("compiled_agrees", DiffersWhenCompiled, "away when it is compiled.*is_compiling"),
    Planted("compiled_agrees", DetachesCodesWhenCompiled, "the gradient of log_prob with respect to 'code' is up to"),
    Planted(
        "compiled_agrees",
        LearnsNothingWhenCompiled,
        "the gradient of log_prob with respect to 'mean' is up to .* away when it is compiled",
    ),
    Planted("says_what_it_is", OtherCodes, "code_dim is 64, and it was built for 2.*self.code_dim = context.code_dim"),
    Planted("says_what_it_is", SaysItIsFixed, "learning is FIXED, and it has parameters to train"),
    Planted("says_what_it_is", KeepsTheEncoder, "the run's encoder is among its submodules"),
    Planted("says_what_it_is", HidesItsDensity, "has_density is False, and log_prob has one"),
    Planted("says_what_it_is", AlwaysTakesACondition, "takes_condition is True although there is no condition"),
    Planted("says_what_it_is", HidesItsParts, "clusters is 0, and responsibilities has one"),
    Planted(
        "labels_change_codes", IgnoresLabels, "12 of 12 codes are the same for another condition.*condition is not read"
    ),
    Planted("labels_change_codes", DensityIgnoresLabels, "log_prob of a code is the same for another condition"),
    Planted("parts_share_each_code", SharesOverTheBatch, "they add up to between.*over the wrong dimension"),
    Planted("parts_share_each_code", SharesAreAllAlike, "they are the same for all codes"),
    Planted("parts_share_each_code", SharesAreDensities, "they add up to between.*not normalised over the parts"),
    Planted("parameters_have_a_loss", LossIsANumber, "no gradient leaves parameter_loss"),
    Planted("parameters_have_a_loss", LossIsAVector, r"of shape \(2,\).*a vector"),
    Planted(
        "densities_normalise",
        DropsTheNormaliser,
        r"integrates to 6\.\d+, not to 1.*normaliser .* of a Gaussian is missing",
    ),
    Planted("densities_normalise", NormalisesOnce, r"integrates to 2\.\d+, not to 1.*for too few dimensions"),
    Planted("densities_normalise", ForgetsItsScale, "integrates to .*the logarithm of a scale"),
    Planted(
        "densities_normalise",
        ForgetsItsWeights,
        r"integrates to (2\.9|3)\d*, not to 1.*3 parts are added up without their weights",
    ),
    Planted(
        "samples_follow_the_density",
        VarianceForDeviation,
        r"samples deviate by .* and the density says .*the variance is used where the standard deviation belongs",
    ),
    Planted("densities_normalise", WrongOfOneClass, "the density of class 2 integrates to 8"),
    Planted("densities_over_all_classes", TakesAClassForGranted, "shares of the classes are 1, 0, 0: to some of them"),
    Planted("densities_over_all_classes", SumsClassesUp, "add up to 3, not to 1.*without their weights"),
    Planted("densities_hold_in_many_dimensions", NormalisesTwoDimensions, r"integrates to 15\.\d.*too few or too many"),
    Planted(
        "densities_hold_in_many_dimensions",
        WideInManyDimensions,
        r"samples deviate by .* in dimension \d of 5, and the density says",
    ),
    Planted(
        "densities_hold_in_many_dimensions",
        FarOffInManyDimensions,
        "samples are where the density says that hardly any should be, in 5 dimensions",
    ),
    Planted("samples_follow_the_density", LooksElsewhere, "samples are not where the density is.*a shift, a scale"),
    Planted(
        "dimensions_are_summed_first",
        SumsPartsFirst,
        "a mixture of 3 parts.*logsumexp over the parts is taken before the sum over the dimensions",
    ),
    Planted("joint_densities", SeparateDimensions, r"the event shape .* is \(\), not \(2,\).*Independent"),
    Planted("joint_densities", AnotherDistribution, "log_prob and distribution.* nats apart"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_defect_is_found(planted: Planted) -> None:
    case = Case("prior", planted.subject, situations=Situations(code_dims=(2, 1, 5)))
    (check,) = [check for check in checks_of(case) if check.name == planted.check]
    result = run_check(case, check)
    assert result.outcome is Outcome.FAILED
    words = " ".join(str(result).split())
    assert re.search(planted.says, words), words


def test_a_plugin_that_imports_torch_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    information = tmp_path / "hasty-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hasty\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[priorkit]\nhasty = hasty_plugin\n", encoding="utf-8")
    (tmp_path / "hasty_plugin.py").write_text("import torch\ndef build(options, context): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    case = Case("prior", component(ChoosyOptions, importlib.import_module("hasty_plugin").build))
    monkeypatch.delitem(sys.modules, "hasty_plugin")
    (check,) = [check for check in checks_of(case) if check.name == "listing_imports_no_torch"]
    words = " ".join(str(run_check(case, check)).split())
    assert "importing hasty_plugin in a fresh process ends with 'torch'" in words
    assert "import what needs torch inside `build`" in words


def test_every_check_finds_a_defect() -> None:
    found = {"listing_imports_no_torch", *(planted.check for planted in PLANTED)}
    assert {check.name for check in checks_of(Case("prior", Bell))} == found


def test_a_density_that_is_required_may_not_be_forgotten() -> None:
    report = check_prior(Pushed, required=("densities_normalise",), situations=Situations(code_dims=(2,), classes=(0,)))
    (failed,) = report.failed
    assert failed.check == "densities_normalise"
    assert failed.reason == "a required check had nothing to look at: it has no density"
    assert all(result.outcome is not Outcome.EXPECTED_FAILURE for result in report.results)
