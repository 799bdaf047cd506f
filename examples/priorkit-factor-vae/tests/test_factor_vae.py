"""The regularizer `total-correlation`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from priorkit.cli import main
from priorkit.interfaces import Encoder, Posterior
from priorkit.testing import Case, parametrize_with_checks
from torch import Tensor, nn

from priorkit_factor_vae.regularizer import CriticPhase, TotalCorrelationRegularizer

CASES = [
    Case(
        "regularizer",
        "total-correlation",
        required=("phases_keep_their_contract", "phases_train_their_players", "the_encoder_learns"),
    )
]
TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


class Quadratic(nn.Module):
    """A quadratic form and a constant: the form of the exact critic for normal codes."""

    def __init__(self) -> None:
        super().__init__()
        self.form = nn.Parameter(torch.zeros(2, 2))
        self.constant = nn.Parameter(torch.zeros(()))

    def forward(self, code: Tensor) -> Tensor:
        logits: Tensor = torch.einsum("ni,ij,nj->n", code, self.form, code) + self.constant
        return logits


class Correlated(Encoder):
    """An encoder of two correlated, standard normal code dimensions, independent of the images."""

    code_dim = 2
    stochastic = True

    def __init__(self, correlation: float) -> None:
        super().__init__()
        self.factor = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        assert noise is not None
        code = noise @ self.factor.T
        return Posterior(code, code, torch.zeros_like(code))


class OnlyAnEncoder:
    """The part of a system that the critic's phase reads."""

    code_dim = 2

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_critic_finds_the_total_correlation(correlation: float) -> None:
    """For normal codes, the total correlation is -log(1 - correlation^2) / 2."""
    regularizer = TotalCorrelationRegularizer(Quadratic())
    encoder = Correlated(correlation)
    phase = CriticPhase(OnlyAnEncoder(encoder), regularizer)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(regularizer.parameters(), 0.02)
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(512, 1, 2, 2)
    for _ in range(400):
        (move,) = phase.moves(images, phase.noise(512, generator, torch.device("cpu")))
        optimizer.zero_grad()
        torch.autograd.backward(torch.stack(list(move.terms.values())).sum())
        optimizer.step()
    codes = encoder(images, torch.randn(20000, 2, generator=generator)).code
    found = float(regularizer.critic(codes).mean().detach())
    assert found == pytest.approx(-0.5 * torch.log(torch.tensor(1 - correlation**2)).item(), abs=0.05)


def test_shuffling_keeps_each_dimensions_values() -> None:
    seen: list[Tensor] = []

    class Watching(nn.Module):
        def forward(self, code: Tensor) -> Tensor:
            seen.append(code)
            return code.sum(1)

    phase = CriticPhase(OnlyAnEncoder(Correlated(0.8)), TotalCorrelationRegularizer(Watching()))  # type: ignore[arg-type]
    list(phase.moves(torch.zeros(64, 1, 2, 2), phase.noise(64, torch.Generator().manual_seed(0), torch.device("cpu"))))
    codes, shuffled = seen
    assert torch.equal(codes.sort(dim=0).values, shuffled.sort(dim=0).values)
    assert abs(float(torch.corrcoef(shuffled.T)[0, 1])) < 0.4 < float(torch.corrcoef(codes.T)[0, 1])


def test_trains_resumes_and_samples(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["train", "total-correlation-vae", *TINY.split(), "--steps", "2", "--out", str(run)]) == 0
    assert main(["train", "--resume", str(run), "--steps", "4", "--quiet"]) == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    told = {key for row in rows for key in row}
    assert {"loss/total_correlation/critic_codes", "loss/autoencoder/total_correlation"} <= told
    assert main(["sample", str(run), "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
