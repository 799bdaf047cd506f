"""The adversarial loss `plug-in-name`."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks
from torch.nn.functional import binary_cross_entropy_with_logits

from priorkit_plug_in_name.loss import PlugInNameLoss

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("adversarial_loss", "plug-in-name"),
    Case("adversarial_loss", "plug-in-name", {"smoothing": 0.0}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None)
@given(smoothing=st.floats(0, 0.4375, width=32), seed=st.integers(0, 2**32 - 1))
def test_it_is_the_cross_entropy_of_those_labels(smoothing: float, seed: int) -> None:
    loss = PlugInNameLoss(smoothing)
    logits = 3 * torch.randn(7, generator=torch.Generator().manual_seed(seed))
    labels = torch.full_like(logits, 1 - smoothing)
    torch.testing.assert_close(loss.real(logits), binary_cross_entropy_with_logits(logits, labels))
    torch.testing.assert_close(loss.fake(logits), binary_cross_entropy_with_logits(logits, 0 * labels))


def test_no_critic_becomes_certain() -> None:
    # The loss on real samples has its minimum at sigmoid(D) = 0.9.
    logits = torch.tensor([math.log(9)], requires_grad=True)
    (slope,) = torch.autograd.grad(PlugInNameLoss(0.1).real(logits), logits)
    torch.testing.assert_close(slope, torch.zeros(1), rtol=0, atol=1e-6)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--adversarial-loss", "plug-in-name"]
    assert main(["train", "learned", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
