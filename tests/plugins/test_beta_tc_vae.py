"""The regularizer `beta-tc-vae`."""

from types import SimpleNamespace
from typing import Any

import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior, Regularizer
from priorkit.testing.stand_in_priors import StandardNormal
from priorkit_plugins.beta_tc_vae import BetaTCVAEOptions, priorkit_regularizers
from priorkit_plugins.beta_tc_vae.regularizer import log_importance


def make(train_count: int, **options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    context: Any = SimpleNamespace(train_count=train_count)
    return component.build(BetaTCVAEOptions(**options), context)


def drawn(n: int, dims: int, seed: int) -> Posterior:
    mean, log_variance, noise = torch.randn(3, n, dims, generator=torch.Generator().manual_seed(seed))
    return Posterior(mean + torch.exp(log_variance / 2) * noise, mean, log_variance)


def terms(regularizer: Regularizer, posterior: Posterior) -> dict[str, Tensor]:
    dims = posterior.code.shape[1]
    return dict(regularizer.encoder_terms(posterior, StandardNormal(dims), torch.zeros(0, dims)))


@settings(deadline=None, max_examples=20)
@given(n=st.integers(2, 5), dims=st.integers(1, 4), more=st.integers(0, 50), seed=st.integers(0, 2**32))
@pytest.mark.parametrize("estimate", ["weighted", "stratified"])
def test_the_three_parts(estimate: str, n: int, dims: int, more: int, seed: int) -> None:
    """Pair by pair, as in Section 3.1 and Appendix C of the paper."""
    posterior, count = drawn(n, dims, seed), n + more
    code, mean = posterior.code.double().numpy(), posterior.mean.double().numpy()
    assert posterior.log_variance is not None
    std = posterior.log_variance.double().div(2).exp().numpy()

    def weight(i: int, j: int) -> float:
        if estimate == "weighted":
            return 1 / (n * count)
        if i == j:
            return 1 / count
        return (count - n + 1) / (count * (n - 1)) if j == (i + 1) % n else 1 / (n - 1)

    each = []
    for i in range(n):
        logs = [scipy.stats.norm(mean[j], std[j]).logpdf(code[i]) for j in range(n)]
        weights = [weight(i, j) for j in range(n)]
        aggregated = scipy.special.logsumexp([log.sum() for log in logs], b=weights)
        marginals = sum(scipy.special.logsumexp([log[d] for log in logs], b=weights) for d in range(dims))
        prior = scipy.stats.norm.logpdf(code[i]).sum()
        each.append((logs[i].sum() - aggregated, aggregated - marginals, marginals - prior))
    expected = torch.tensor(each).mean(0)
    found = terms(make(count, alpha=2.0, beta=3.0, gamma=0.5, estimate=estimate), posterior)
    assert list(found) == ["mutual_information", "total_correlation", "dimension_wise"]
    wanted = expected * torch.tensor([2.0, 3.0, 0.5])
    torch.testing.assert_close(torch.stack(list(found.values())).double(), wanted.double(), rtol=1e-3, atol=1e-3)


def test_of_equal_weights_they_add_up_to_the_divergence() -> None:
    posterior = drawn(6, 3, 0)
    found = terms(make(100, alpha=1.0, beta=1.0, gamma=1.0), posterior)
    assert posterior.log_variance is not None
    normal = torch.distributions.Normal(posterior.mean, (posterior.log_variance / 2).exp())
    standard = torch.distributions.Normal(0.0, 1.0)
    one_draw = (normal.log_prob(posterior.code) - standard.log_prob(posterior.code)).sum(1).mean()
    torch.testing.assert_close(torch.stack(list(found.values())).sum(), one_draw)


@pytest.mark.parametrize(("n", "count"), [(2, 2), (4, 4), (4, 100), (7, 3)])
def test_stratified_weights_add_up_to_one(n: int, count: int) -> None:
    weights = log_importance(n, count, stratified=True).exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(n))


def test_a_batch_of_the_whole_data_finds_the_total_correlation_of_a_normal_distribution() -> None:
    """Where q(code) is normal with a correlation, it is -log(1 - correlation^2) / 2."""
    n, correlation, width = 600, 0.8, 0.3
    generator = torch.Generator().manual_seed(0)
    cholesky = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]) - width**2 * torch.eye(2))
    mean = torch.randn(n, 2, generator=generator) @ cholesky.T
    code = mean + width * torch.randn(n, 2, generator=generator)
    posterior = Posterior(code, mean, torch.full((n, 2), 2 * torch.tensor(width).log().item()))
    found = terms(make(n, beta=1.0, estimate="stratified"), posterior)["total_correlation"]
    assert float(found) == pytest.approx(-0.5 * torch.log(torch.tensor(1 - correlation**2)).item(), abs=0.1)


def test_one_code_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="use at least --batch-size 2"):
        terms(make(10), drawn(1, 2, 0))
