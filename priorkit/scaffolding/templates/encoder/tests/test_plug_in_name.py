"""The encoder `plug-in-name`."""

from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks
from torch import nn

from priorkit_plug_in_name.encoder import PlugInNameEncoder

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("encoder", "plug-in-name"),
    Case("encoder", "plug-in-name", {"std": 1.5}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None)
@given(std=st.floats(0.0625, 8, width=32), seed=st.integers(0, 2**32 - 1))
def test_the_draw_lies_as_far_from_the_mean_as_the_noise_says(std: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(5, 4, generator=generator)
    # A body that returns its input as codes.
    encoder = PlugInNameEncoder(nn.Flatten(), 4, std)
    posterior = encoder(torch.randn(5, 1, 2, 2, generator=generator), noise)
    assert posterior.log_variance is not None
    torch.testing.assert_close(posterior.code - posterior.mean, std * noise, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(posterior.log_variance.exp(), torch.full((5, 4), std**2))


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--encoder", "plug-in-name"]
    assert main(["train", "vae", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
