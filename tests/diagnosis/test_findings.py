"""Planted faults are named rightly."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from priorkit.diagnosis import diagnose_codes

Planted = Callable[..., tuple[Tensor, Tensor, Tensor]]


@pytest.mark.parametrize(
    ("planted_as", "named", "words"),
    [
        ("no fault found", "no fault found", "matches the codes"),
        ("clusters", "no fault found", "matches the codes"),
        ("shift", "shift", "is shifted: its mean lies 0.7"),
        ("wide", "scale", "too wide: its deviations are 1."),
        ("narrow", "scale", "too narrow: its deviations are 0."),
        ("correlation", "correlation", "correlations of the prior's dimensions differ"),
        ("missing codes", "missing codes", "of the images' codes have no code of the prior near them"),
        ("holes", "holes", "of its mass lies far from every image's code"),
        ("copies", "copies", "of its mass lies nearer to one than held-out codes ever do"),
    ],
)
def test_a_planted_fault_comes_first(planted: Planted, planted_as: str, named: str, words: str) -> None:
    diagnosis = diagnose_codes(*planted(planted_as), run="runs/my run")
    assert diagnosis.findings[0].fault.value == named
    assert words in diagnosis.sentence
    if named not in ("no fault found", "copies"):
        assert "'runs/my run'" in diagnosis.sentence
        assert "RUN" not in diagnosis.sentence


def test_a_narrow_prior_copies_nothing(planted: Planted) -> None:
    """In many dimensions its mass lies in the middle, near all codes."""
    generator = torch.Generator().manual_seed(0)
    prior, held_out, training = torch.randn(3, 500, 24, generator=generator)
    diagnosis = diagnose_codes(0.6 * prior, held_out, training)
    assert diagnosis.comparison.copied > 0.15
    assert [finding.fault.value for finding in diagnosis.findings] == ["scale"]


def test_a_shape_that_only_a_classifier_sees_is_said_to_be_one() -> None:
    """Equal means, deviations and neighbours, in eight dimensions of which one has two peaks."""
    generator = torch.Generator().manual_seed(0)
    prior, held_out, training = torch.randn(3, 1000, 8, generator=generator)
    for codes in (held_out, training):
        codes[:, 0] = codes[:, 0].sign() + 0.1 * codes[:, 0]
    diagnosis = diagnose_codes(prior, held_out, training)
    assert diagnosis.findings[0].fault.value in ("shape", "holes")
    assert diagnosis.comparison.told_apart > 0.6
