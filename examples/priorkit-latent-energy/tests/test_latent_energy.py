"""The prior and the regularizer `latent-energy`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.interfaces import Posterior
from priorkit.testing import Case, parametrize_with_checks
from torch import Tensor

from priorkit_latent_energy.prior import LatentEnergyPrior
from priorkit_latent_energy.regularizer import LatentEnergyRegularizer

CASES = [
    Case(
        "prior",
        "latent-energy",
        {"hidden": 16, "steps": 5},
        required=("phases_keep_their_contract", "phases_train_their_players"),
    )
]
TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

seeds = st.integers(0, 2**32 - 1)


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moved(code_dim: int, seed: int, **changes: float) -> LatentEnergyPrior:
    prior = LatentEnergyPrior(code_dim, 8, **changes)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in prior.parameters():
            weight.normal_(generator=generator(seed))
    return prior


@settings(deadline=None, max_examples=50)
@given(code_dim=st.integers(1, 12), seed=seeds)
def test_the_gradient_that_is_written_out_is_autograds(code_dim: int, seed: int) -> None:
    prior = moved(code_dim, seed)
    code = torch.randn(5, code_dim, generator=generator(seed)).requires_grad_()
    (expected,) = torch.autograd.grad(prior.negative_energy(code).sum(), code)
    torch.testing.assert_close(prior._gradient(code), expected, rtol=1e-4, atol=1e-5)


def test_long_chains_follow_the_density() -> None:
    """In one dimension, chains of small steps have the moments of the density, computed on a grid."""
    prior = moved(1, 3, steps=400, step_size=0.2)
    grid = torch.linspace(-8, 8, 4001)
    with torch.no_grad():
        codes = prior.sample(20000, generator=generator(4)).flatten()
        density = torch.softmax(prior.negative_energy(grid[:, None]) - grid.square() / 2, dim=0)
    mean = float((density * grid).sum())
    variance = float((density * (grid - mean).square()).sum())
    assert abs(mean) > 0.1  # not a standard normal distribution
    assert float(codes.mean()) == pytest.approx(mean, abs=0.05)
    assert float(codes.var()) == pytest.approx(variance, rel=0.1)


@settings(deadline=None, max_examples=30)
@given(code_dim=st.integers(1, 8), seed=seeds)
def test_the_regularizer_is_the_divergence_but_for_a_constant(code_dim: int, seed: int) -> None:
    prior = moved(code_dim, seed)
    mean, log_variance, noise = torch.randn(3, 6, code_dim, generator=generator(seed))
    code = mean + torch.exp(log_variance / 2) * noise
    (term,) = LatentEnergyRegularizer(2.0).encoder_terms(Posterior(code, mean, log_variance), prior, code).values()
    encoded = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    normal = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    divergence: Tensor = torch.distributions.kl_divergence(encoded, normal).sum(1)
    torch.testing.assert_close(term, 2 * (divergence - prior.negative_energy(code)).mean())


def test_trains_resumes_and_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    train = ["train", "latent-energy-vae", "--prior.every", "2", *TINY.split(), "--steps", "2", "--out", str(run)]
    assert main(train) == 0
    assert main(["train", "--resume", str(run), "--steps", "4", "--quiet"]) == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert any("loss/energy/contrast" in row for row in rows)
    assert main(["sample", str(run), "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vae", "--regularizer", "latent-energy"], "use --prior latent-energy"),
        (["latent-energy-vae", "--encoder", "deterministic"], "use --encoder gaussian"),
        (["dcgan", "--prior", "latent-energy"], "learns from the codes of images; use --encoder gaussian"),
        (["latent-energy-vae", "--prior.step-size", "0"], "--prior.step-size"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments, "--out", str(tmp_path / "run"), "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()
