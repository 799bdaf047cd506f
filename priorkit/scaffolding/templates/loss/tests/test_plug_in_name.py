"""The reconstruction loss `plug-in-name`."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.loss import PlugInNameLoss

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("loss", "plug-in-name"),
    Case("loss", "plug-in-name", {"threshold": 0.01, "weight": 2.0}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None)
@given(error=st.floats(-2, 2, width=32), threshold=st.floats(0.0078125, 1, width=32))
def test_it_is_the_charbonnier_distance(error: float, threshold: float) -> None:
    image = torch.zeros(2, 1, 4, 4)
    loss = PlugInNameLoss(threshold)(image + error, image)
    assert float(loss) == pytest.approx((error**2 + threshold**2) ** 0.5 - threshold, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("error", "expected"), [(1e-3, 5e-6), (2.0, 1.9)])
def test_small_errors_count_squared_and_large_ones_absolute(error: float, expected: float) -> None:
    image = torch.zeros(1, 3, 2, 2)
    loss = PlugInNameLoss(0.1)(image + error, image)
    assert float(loss) == pytest.approx(expected, rel=0.01)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--loss", "plug-in-name"]
    assert main(["train", "aae", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
