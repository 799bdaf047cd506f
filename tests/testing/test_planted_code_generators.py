"""The checks of code generators find what was planted, and say why."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeGenerator
from priorkit.plugins import CodeGeneratorContext
from priorkit.testing import Report, Situations, check_code_generator
from priorkit.testing.checks.code_generators import CODE_GENERATORS

SITUATIONS = Situations(code_dims=(2,), examples=2)


class Sound(CodeGenerator):
    def __init__(self, context: CodeGeneratorContext) -> None:
        super().__init__()
        self.noise_dim, self.code_dim = context.noise_dim, context.code_dim
        width = self.width(context)
        self.network = nn.Sequential(nn.Linear(context.noise_dim, width), nn.Tanh(), nn.Linear(width, context.code_dim))

    def width(self, context: CodeGeneratorContext) -> int:
        return context.hidden or 8

    def forward(self, noise: Tensor) -> Tensor:
        codes: Tensor = self.network(noise)
        return codes


class SoundOfSpikes(Sound):
    """Its codes grow fast with the noise."""

    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise) + (3 * noise[:, :1]).exp()


class Exchanged(Sound):
    def __init__(self, context: CodeGeneratorContext) -> None:
        super().__init__(context)
        self.noise_dim, self.code_dim = context.code_dim, context.noise_dim


class WithoutCondition(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise[:, :1].expand_as(noise))


class ReadsTheFirst64(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise * (torch.arange(noise.shape[1], device=noise.device) < 64))


class Padded(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        codes = super().forward(noise)
        return torch.cat([codes[:, :-1], torch.zeros_like(codes[:, -1:])], dim=1)


class FixedWidth(Sound):
    def width(self, context: CodeGeneratorContext) -> int:
        return 8


class NormedOverTheBatch(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        codes = super().forward(noise)
        return codes - codes.mean(dim=0)


PLANTED = [
    (Exchanged, {"says_what_it_is"}, r"noise_dim is 2, and it was built for 3.*\n.*exchanged"),
    (
        WithoutCondition,
        {"every_input_counts"},
        r"dimension 1 of 3 of the noise changes no code.*\n.*s is what comes last",
    ),
    (ReadsTheFirst64, {"every_input_counts"}, "dimension 64 of 80 of the noise changes no code"),
    (Padded, {"every_code_dimension_varies"}, r"dimension 1 of 2 is the same in all codes.*\n.*constant"),
    (
        FixedWidth,
        {"hidden_is_honoured"},
        r"hidden is 11, and its parameters have the sizes 2, 3, 8.*\n.*width is fixed",
    ),
    (NormedOverTheBatch, {"samples_are_independent"}, r"changes by up to .* with the others.*\n.*over the batch"),
]


@pytest.mark.parametrize("sound", [Sound, SoundOfSpikes])
def test_a_sound_one_passes_everything(sound: type[Sound]) -> None:
    report = check_code_generator(sound, situations=SITUATIONS, required=("hidden_is_honoured",))
    assert not report.failed, str(report)


@pytest.mark.parametrize(("planted", "checks", "told"), PLANTED, ids=[each[0].__name__ for each in PLANTED])
def test_what_is_planted_is_found(
    planted: type[Sound], checks: set[str], told: str, report_on: Callable[[str, Any, Situations], Report]
) -> None:
    report = report_on("code_generator", planted, SITUATIONS)
    assert {result.check for result in report.failed} == checks, str(report)
    assert any(re.search(told, str(result)) for result in report.failed), str(report)


def test_every_check_has_been_seen_to_fail() -> None:
    assert {check.name for check in CODE_GENERATORS} <= set.union(*(checks for _, checks, _ in PLANTED))


def test_a_generator_without_hidden_layers_has_no_width() -> None:
    class Linear(Sound):
        def __init__(self, context: CodeGeneratorContext) -> None:
            super().__init__(context)
            self.network = nn.Sequential(nn.Linear(context.noise_dim, context.code_dim))

    report = check_code_generator(Linear, situations=SITUATIONS)
    assert not report.failed, str(report)
    assert [(result.check, result.reason) for result in report.skipped if result.check == "hidden_is_honoured"] == [
        ("hidden_is_honoured", "it has no hidden layers")
    ]
