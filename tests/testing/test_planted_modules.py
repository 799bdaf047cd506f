"""The checks of all modules find defects planted into priors, and explain them."""

import importlib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from priorkit.plugins import Component, Options, PriorContext
from priorkit.testing import Case
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.conformance import checks_of, run_check
from sound_priors import Bell, Planted, Pushed


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


class WideOptions(Options):
    scale: float = Field(1.0, description="scale")


class DividesByItsOptionWithClasses(Bell):
    def __init__(self, options: Any, context: PriorContext) -> None:
        super().__init__(context)
        self.share = 1 // options.parts if context.classes else 1


class TakesLogarithms(Bell):
    def __init__(self, options: Any, context: PriorContext) -> None:
        super().__init__(context)
        self.shift = math.log(options.scale)


class GivesNoDensity(Bell):
    def __init__(self, options: Any, context: PriorContext) -> None:
        super().__init__(context)
        self.register_buffer("scale", torch.tensor(options.scale))

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code / self.scale) - self.code_dim * self.scale.log()


class SpreadsASingleSample(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) + 0 * code.float().std(0).sum()


class RefusesSilently(Bell):
    def __init__(self, options: Any, context: PriorContext) -> None:
        super().__init__(context)
        if options.parts == 1:
            raise ValueError


def component(options: type[Options], build: Callable[[Any, Any], Any]) -> Component[Any]:
    return Component("planted", options, build, summary="a prior with a defect", source="this test")


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
    """The density exp(-|code|), whose root has an infinite slope at 0."""

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        distance = code.float().square().sum(1).sqrt()
        return super().log_prob(code) + 0 * distance


class Overflows(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) + 1e-9 * code.float().exp().sum(1)


class AddsNoiseOfItsOwn(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code + 1e-3 * torch.randn_like(code))


class StandardisesTheBatch(Pushed):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        codes = super().forward(noise, condition)
        return codes - 0.1 * codes.mean(0)


class LogProbOfTheBatch(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code) + 0.01 * code.float().norm(dim=0).sum()


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


class CancelsInHalfPrecision(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        far = (code + 500.0) @ torch.eye(self.code_dim, device=code.device)
        return super().log_prob(far - 500.0)


class DiffersWhenCompiledWithClasses(Bell):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.takes_condition = context.condition_dim > 0

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        codes = super().forward(noise)
        return codes if condition is None else codes + 0.01 * torch.compiler.is_compiling() + condition.sum(1)[:, None]


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


class TakesTheEncoderForGranted(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.code_dim = context.encoder.code_dim


class TakesClassesForGranted(Pushed):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.generator = context.code_generator(3, context.classes)


class SizedByItsData(Bell):
    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.register_buffer("seen", torch.zeros(int((context.images(3) > 0).sum())))


class ScaledByChance(Bell):
    """Draws a buffer when it is built, and does not save it."""

    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        self.register_buffer("scales", 0.5 + torch.rand(self.code_dim), persistent=False)

    def distribution(self) -> Any:
        scales = self.scales * self.log_std.exp()
        return Independent(Normal(self.mean, scales, validate_args=False), 1, validate_args=False)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.scales * self.log_std.exp() * noise


class DropsOutOfItsDensity(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return nn.functional.dropout(super().log_prob(code), 0.1, self.training)


class DensityInItsInputsPrecision(Bell):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return Bell.distribution(self).log_prob(code).to(code.dtype)  # type: ignore[no-any-return]


PLANTED = [
    Planted(
        "states_are_whole",
        SizedByItsData,
        "cannot be loaded by another instance.*content of the training images",
    ),
    Planted(
        "states_are_whole",
        ScaledByChance,
        "forward differs .*: the buffer scales is not saved, and a new instance .*persistent=False.*leave out",
    ),
    Planted("repeatable", DropsOutOfItsDensity, "in training mode log_prob draws from the global generator of torch"),
    Planted(
        "bfloat16_agrees", DensityInItsInputsPrecision, "log_prob with bfloat16 inputs is torch.bfloat16, not float32"
    ),
    Planted("builds", TakesTheEncoderForGranted, "has no attribute 'code_dim' in .* and no encoder"),
    Planted("shapes_and_dtypes", TakesClassesForGranted, "mat1 and mat2 .* and a condition of 4 dimensions"),
    Planted("builds", not_a_prior, r"builds a Linear, not a Prior.*derive from priorkit\.interfaces\.Prior"),
    Planted(
        "builds",
        needs_more_than_its_context,
        r"no attribute 'posterior' in .*test_planted_modules.py:\d+ \(with code_dim 2\)",
    ),
    Planted("seed_decides_its_weights", DrawsWeightsWithNumpy, "'mean' differs.*another generator than torch's"),
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
    Planted(
        "options_are_usable",
        component(BoundlessOptions, DividesByItsOptionWithClasses),
        r"ZeroDivisionError.*\(with code_dim 2 and 3 classes",
    ),
    Planted(
        "options_are_usable",
        component(WideOptions, TakesLogarithms),
        r"WideOptions\(scale=.* ends with ValueError: math domain error.*give the field its bounds",
    ),
    Planted(
        "options_are_usable",
        component(WideOptions, GivesNoDensity),
        r"log_prob of WideOptions\(scale=.* is infinite or not a number.*give the field its bounds",
    ),
    Planted("shapes_and_dtypes", SpreadsASingleSample, "log_prob of a single sample is not a number.*unbiased=False"),
    Planted("options_are_usable", component(ChoosyOptions, RefusesSilently), "refused without a message"),
    Planted(
        "shapes_and_dtypes",
        DimensionsApart,
        r"shape \(1, 2\) for 1 samples, not \(1,\).*not summed over the dimensions of a code",
    ),
    Planted("shapes_and_dtypes", LosesTheBatch, r"forward has shape \(2,\) for 1 samples.*a squeeze"),
    Planted("shapes_and_dtypes", DoublePrecision, "log_prob is torch.float64.*a float64 tensor"),
    Planted("finite_numbers", RootOfZero, "gradient of log_prob of codes of 0.*'code'.*root.*an epsilon to roots"),
    Planted(
        "finite_numbers",
        Overflows,
        "log_prob of codes 10,000 times as large has values that are infinite.*an exponential overflows",
    ),
    Planted("repeatable", AddsNoiseOfItsOwn, "log_prob draws from the global generator of torch.*noise is drawn"),
    Planted("samples_are_independent", StandardisesTheBatch, "forward of a sample changes by up to.*over the batch"),
    Planted("samples_are_independent", LogProbOfTheBatch, "log_prob of a sample changes.*over the batch"),
    Planted("use_changes_nothing", CountsInEvaluation, "log_prob changes 'calls' in evaluation mode.*if self.training"),
    Planted(
        "use_changes_nothing",
        TrainsItself,
        "log_prob changes 'mean' in training mode.*parameters to the optimiser",
    ),
    Planted("use_changes_nothing", WritesIntoItsInput, "forward changes its input 'noise'.*in-place"),
    Planted("states_are_whole", KeepsAPlainTensor, "differs after the state is saved.*neither parameters nor buffers"),
    Planted("copies_are_independent", RemembersTheOriginal, "still uses the original's parameters"),
    Planted("gradients_reach_what_learns", CutsTheGraph, "reaches the parameters log_std.*the graph is cut"),
    Planted("gradients_reach_what_learns", DetachesCodes, "no gradient of log_prob reaches its input 'code'"),
    Planted(
        "gradients_reach_what_learns", HasAParameterTooMany, "reaches the parameters temperature.*parameter is unused"
    ),
    Planted(
        "values_are_not_read", ChecksItsArguments, "log_prob reads a value.*`validate_args=False` for distributions"
    ),
    Planted("values_are_not_read", ReadsAValue, "log_prob reads a value.*`if tensor`.*torch.where"),
    Planted("stays_on_its_device", MakesATensorOnTheCpu, "forward mixes devices.*made on the CPU.*`device=x.device`"),
    Planted("bfloat16_agrees", ComputesInHalfPrecision, "log_prob under autocast is torch.bfloat16"),
    Planted(
        "bfloat16_agrees",
        CancelsInHalfPrecision,
        "log_prob under autocast is off by .*difference of nearly equal",
    ),
    Planted("compiled_agrees", DiffersWhenCompiled, "differs by .* when it is compiled.*is_compiling"),
    Planted("compiled_agrees", DiffersWhenCompiledWithClasses, "forward differs by .* compiled.*and 3 classes"),
    Planted("compiled_agrees", DetachesCodesWhenCompiled, "the gradient of log_prob with respect to 'code' differs"),
    Planted(
        "compiled_agrees",
        LearnsNothingWhenCompiled,
        "the gradient of log_prob with respect to 'mean' differs by up to .* when it is compiled",
    ),
]


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


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_defect_is_found(planted: Planted) -> None:
    planted.must_be_found()


def test_every_check_finds_a_defect() -> None:
    # The checks of all kinds of modules.
    generic = set(CATALOGUE["prior"].checks) & set(CATALOGUE["loss"].checks)
    found = {"listing_imports_no_torch", *(planted.check for planted in PLANTED)}
    assert {check.name for check in generic} == found
