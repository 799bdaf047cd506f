"""The adversarial loss `relativistic`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

from priorkit_relativistic.loss import RelativisticLoss

CASES = [
    Case("adversarial_loss", "relativistic"),
    Case("adversarial_loss", "relativistic", {"average": False}),
]
TINY = "--image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 20), average=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_the_losses_are_those_of_the_paper(n: int, average: bool, seed: int) -> None:
    real, fake = torch.randn(2, n, generator=torch.Generator().manual_seed(seed)).double()
    loss = RelativisticLoss(average=average)
    of_critic = loss.real(loss.compared(real, fake)) + loss.fake(loss.compared(fake, real))
    of_generator = loss.generator_compared(fake, real)
    other_fake, other_real = (fake.mean(), real.mean()) if average else (fake, real)
    more_real = torch.sigmoid(real - other_fake)
    more_fake = torch.sigmoid(fake - other_real)
    expected = -torch.log(more_real).mean() - torch.log(1 - more_fake).mean()
    torch.testing.assert_close(of_critic.double(), expected, rtol=1e-4, atol=1e-5)
    expected = -torch.log(more_fake).mean()
    if average:
        expected = expected - torch.log(1 - more_real).mean()
    torch.testing.assert_close(of_generator.double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        ["relativistic-gan", "--networks.width", "2"],
        [
            *("learned", "--networks", "mlp", "--networks.hidden", "8"),
            *("--adversarial-loss", "relativistic", "--no-adversarial-loss.average"),
        ],
    ],
    ids=["gan", "learned"],
)
def test_trains_resumes_and_samples(arguments: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["train", *arguments, *TINY.split(), "--steps", "2", "--out", str(run)]) == 0
    assert main(["train", "--resume", str(run), "--steps", "4", "--quiet"]) == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    told = {key for row in rows for key in row}
    assert {"loss/prior_improvement/critic_real", "loss/prior_improvement/generator_fake"} <= told
    assert main(["sample", str(run), "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
