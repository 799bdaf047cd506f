"""The prior `plug-in-name`."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.prior import PlugInNamePrior

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("prior", "plug-in-name"),
    Case("prior", "plug-in-name", {"scale": 2.0}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None)
@given(scale=st.floats(0.25, 4, width=32))
def test_the_density_is_the_slope_of_the_distribution_function(scale: float) -> None:
    code = torch.linspace(-6 * scale, 6 * scale, 101, dtype=torch.float64).requires_grad_()
    # F(code) = 1 / (1 + exp(-code / scale)), whose inverse turns noise into codes.
    (slope,) = torch.autograd.grad(torch.sigmoid(code / scale).sum(), code)
    found = PlugInNamePrior(1, scale).log_prob(code.detach()[:, None])
    torch.testing.assert_close(found, slope.log().float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", [0.55, 2.0])
def test_samples_have_mean_and_variance(scale: float) -> None:
    n = 20_000
    generator = torch.Generator().manual_seed(0)
    codes = PlugInNamePrior(3, scale).sample(n, generator=generator).double()
    variance = (math.pi * scale) ** 2 / 3
    # Six standard errors; the kurtosis of a logistic distribution is 4.2.
    assert codes.mean(0).abs().max() < 6 * math.sqrt(variance / n)
    assert (codes.var(0) / variance - 1).abs().max() < 6 * math.sqrt(3.2 / n)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--prior", "plug-in-name"]
    assert main(["train", "vae", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
