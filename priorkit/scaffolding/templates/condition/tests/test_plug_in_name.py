"""The condition `plug-in-name`."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.condition import PlugInNameCondition

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("condition", "plug-in-name"),
    Case("condition", "plug-in-name", {"frequencies": (3.0, 1.0)}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None)
@given(frequencies=st.lists(st.floats(0.1, 10), min_size=2, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_classes_have_their_frequencies(frequencies: list[float], seed: int) -> None:
    n = 5000
    generator = torch.Generator().manual_seed(seed)
    drawn = PlugInNameCondition(frequencies).draw(n, generator=generator)
    assert torch.equal(drawn.sum(1), torch.ones(n))
    for found, frequency in zip(drawn.double().mean(0).tolist(), frequencies, strict=True):
        expected = frequency / sum(frequencies)
        # Seven standard errors.
        assert abs(found - expected) < 7 * math.sqrt(expected * (1 - expected) / n)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--condition", "plug-in-name", "--condition.frequencies", "3,1"]
    assert main(["train", "learned-unsupervised", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
