"""The regularizer `factor-vae`."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.interfaces import Posterior
from priorkit.testing.stand_in_priors import StandardNormal
from priorkit.training import Session
from priorkit_plugins.factor_vae.regularizer import FactorVAERegularizer, shuffled
from priorkit_plugins.kl.regularizer import KLRegularizer


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 8), dims=st.integers(1, 20), seed=st.integers(0, 2**32))
def test_shuffling_keeps_the_values_of_each_dimension(n: int, dims: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    code, places = torch.randn(n, dims, generator=generator), torch.rand(n, generator=generator)
    found = shuffled(code, places)
    assert torch.equal(found.sort(dim=0).values, code.sort(dim=0).values)
    assert torch.equal(found, shuffled(code, places))


def test_shuffled_dimensions_come_from_different_images() -> None:
    """Two dimensions are of one image as often as by chance: also where there are more of them than images."""
    n, dims, rounds = 8, 12, 400
    generator = torch.Generator().manual_seed(0)
    images = torch.arange(n)[:, None].expand(n, dims).float()
    together = torch.zeros(dims, dims)
    for _ in range(rounds):
        found = shuffled(images, torch.rand(n, generator=generator))
        together += (found[:, :, None] == found[:, None]).float().mean(0)
    apart = together[~torch.eye(dims, dtype=torch.bool)] / rounds
    # Those that share a random number are never of one image; five standard errors for the others.
    assert float(apart.max()) < 1 / n + 5 * (1 / n / rounds) ** 0.5


class Quadratic(nn.Module):
    """A critic that can be exact for normal codes: a quadratic form and a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.form = nn.Parameter(torch.zeros(2, 2))
        self.constant = nn.Parameter(torch.zeros(()))

    def forward(self, code: Tensor) -> Tensor:
        logits: Tensor = torch.einsum("ni,ij,nj->n", code, self.form, code) + self.constant
        return logits


def test_the_critic_finds_the_total_correlation() -> None:
    """Of normal codes it is -log(1 - correlation^2) / 2."""
    correlation, generator = 0.8, torch.Generator().manual_seed(0)
    factor = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]))
    regularizer = FactorVAERegularizer(Quadratic(), gamma=3.0)
    optimizer = torch.optim.Adam(regularizer.parameters(), 0.02)
    for _ in range(400):
        code = torch.randn(512, 2, generator=generator) @ factor.T
        terms = regularizer.critic_terms(code, code[:0], mixing=torch.rand(512, generator=generator))
        optimizer.zero_grad()
        torch.autograd.backward(torch.stack(list(terms.values())).sum())
        optimizer.step()
    code = torch.randn(20000, 2, generator=generator) @ factor.T
    posterior, prior = Posterior(code, code, torch.zeros_like(code)), StandardNormal(2)
    found = regularizer.encoder_terms(posterior, prior, code[:0])
    expected = -0.5 * torch.log(torch.tensor(1 - correlation**2)).item()
    assert float(found["total_correlation"].detach()) == pytest.approx(3 * expected, abs=0.15)
    (divergence,) = KLRegularizer().encoder_terms(posterior, prior, code[:0]).values()
    torch.testing.assert_close(found["regularization"], divergence)


def test_its_critic_learns_at_the_papers_rate(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("factor-vae")
    assert session.engine.optimizers["regularizer"].param_groups[0]["lr"] == 1e-4
    before = {key: value.clone() for key, value in session.system.regularizer.state_dict().items()}
    session.step()
    after = session.system.regularizer.state_dict()
    assert all(not torch.equal(before[key], after[key]) for key in before)
