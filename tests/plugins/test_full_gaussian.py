"""A normal distribution fitted to all codes."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal

from priorkit.training import Session
from priorkit_plugins.full_gaussian.prior import FullGaussianPrior


def codes(n: int, code_dim: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(code_dim, code_dim, generator=generator)
    return torch.randn(n, code_dim, generator=generator) @ mixing + torch.randn(code_dim, generator=generator)


def fitted(code: Tensor, **options: float) -> FullGaussianPrior:
    prior = FullGaussianPrior(code.shape[1], **options)  # type: ignore[arg-type]
    prior.fit_codes(code, prior.code_noise(len(code)))
    return prior


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), code_dim=st.integers(1, 6))
def test_it_is_the_maximum_likelihood_estimate(seed: int, code_dim: int) -> None:
    code = codes(200, code_dim, seed)
    prior = fitted(code, ridge=0.0)
    torch.testing.assert_close(prior.mean, code.mean(0), rtol=1e-4, atol=1e-4)
    covariance = torch.cov(code.T, correction=0).reshape(code_dim, code_dim)
    torch.testing.assert_close(prior.scale_tril @ prior.scale_tril.T, covariance, rtol=1e-3, atol=1e-3)
    reference = MultivariateNormal(
        code.double().mean(0), torch.cov(code.double().T, correction=0).reshape(code_dim, -1)
    )
    torch.testing.assert_close(prior.log_prob(code).double(), reference.log_prob(code.double()), rtol=1e-3, atol=1e-3)


def test_until_it_is_fitted_it_is_standard_normal() -> None:
    prior = FullGaussianPrior(3)
    noise = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(prior(noise), noise)


def test_without_covariances_dimensions_are_independent() -> None:
    code = codes(500, 3, 0)
    prior = fitted(code, diagonal=True, ridge=0.0)
    assert torch.equal(prior.scale_tril, prior.scale_tril.diagonal().diag())
    torch.testing.assert_close(prior.scale_tril.diagonal(), code.std(0, unbiased=False), rtol=1e-4, atol=1e-4)


def test_codes_of_too_few_dimensions_need_a_ridge() -> None:
    flat = codes(50, 2, 0) @ torch.randn(2, 4, generator=torch.Generator().manual_seed(1))
    with pytest.raises(
        ValueError, match=r"the covariance of 50 codes of 4 dimensions is singular; use a larger --prior"
    ):
        fitted(torch.zeros(50, 4), ridge=0.0)
    prior = fitted(flat)
    assert prior.log_prob(flat).isfinite().all()


def test_a_stage_fits_it(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("aae", prior="full-gaussian", stages="autoencoder:2,code-fitting:1", loss="pixel")
    assert session.total_steps() == 3
    while not session.finished():
        session.step()
    encoder = session.model.encoder
    assert encoder is not None
    pixels = session.data.train.take(torch.arange(len(session.data.train)))
    found = session.model.encode(pixels.float() / 127.5 - 1)
    prior = session.model.prior
    assert isinstance(prior, FullGaussianPrior)
    torch.testing.assert_close(prior.mean, found.mean(0), rtol=1e-3, atol=1e-3)
