"""The checks of code generators find planted defects, and explain them."""

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
        self.condition_dim = context.condition_dim
        self.network = nn.Sequential(nn.Linear(context.noise_dim, 8), nn.Tanh(), nn.Linear(8, context.code_dim))

    def forward(self, noise: Tensor) -> Tensor:
        codes: Tensor = self.network(noise)
        return codes


class SoundOfSpikes(Sound):
    """A code generator whose codes grow fast with the noise."""

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


class ConditionDropped(Sound):
    """Reads only z of its input [z; s], although it knows the dimensions of s."""

    def forward(self, noise: Tensor) -> Tensor:
        first = noise.shape[1] - self.condition_dim
        return super().forward(noise * (torch.arange(noise.shape[1], device=noise.device) < first))


class Padded(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        codes = super().forward(noise)
        return torch.cat([codes[:, :-1], torch.zeros_like(codes[:, -1:])], dim=1)


class NormedOverTheBatch(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        codes = super().forward(noise)
        return codes - codes.mean(dim=0)


PLANTED = [
    (Exchanged, {"says_what_it_is"}, r"noise_dim is 2, but it was built for 3.*\n.*swapped"),
    (
        WithoutCondition,
        {"every_input_counts"},
        r"dimension 1 of 3 of the input changes no code.*\n.*s comes last",
    ),
    (ReadsTheFirst64, {"every_input_counts"}, "dimension 64 of 80 of the input changes no code"),
    (Padded, {"every_code_dimension_varies"}, r"dimension 1 of 2 is the same in all codes.*\n.*constant"),
    (
        ConditionDropped,
        {"every_input_counts"},
        r"dimension 70 of 80 of the input changes no code .*with .* condition_dim 10.*\n.*s comes last",
    ),
    (NormedOverTheBatch, {"samples_are_independent"}, r"changes by up to .* with the others.*\n.*over the batch"),
]


@pytest.mark.parametrize("sound", [Sound, SoundOfSpikes])
def test_a_sound_one_passes_everything(sound: type[Sound]) -> None:
    report = check_code_generator(sound, situations=SITUATIONS)
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
