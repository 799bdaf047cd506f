"""The regularizer `dip-vae`."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Independent, Normal, kl_divergence

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageShape, Posterior, Regularizer
from priorkit.testing.stand_in_priors import LearnedNormal, OnlySampled, StandardNormal
from priorkit.testing.stand_ins import SmallEncoder
from priorkit_plugins.dip_vae import DIPVAEOptions, priorkit_regularizers


def make(**options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    return component.build(DIPVAEOptions(**options), None)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=30)
@given(n=st.integers(2, 8), dims=st.integers(1, 5), seed=st.integers(0, 2**32))
@pytest.mark.parametrize("covariance", ["means", "codes"])
def test_the_terms(covariance: str, n: int, dims: int, seed: int) -> None:
    mean, log_variance = torch.randn(2, n, dims, generator=torch.Generator().manual_seed(seed))
    found = make(covariance=covariance, off_diagonal=2.0, diagonal=3.0, weight=0.5).encoder_terms(
        Posterior(mean, mean, log_variance), StandardNormal(dims), torch.zeros(0, dims)
    )
    matrix = np.cov(mean.double().numpy().T, bias=True).reshape(dims, dims)
    if covariance == "codes":
        matrix = matrix + np.diag(log_variance.double().exp().mean(0).numpy())
    off = sum(matrix[i, j] ** 2 for i in range(dims) for j in range(dims) if i != j)
    on = sum((matrix[i, i] - 1) ** 2 for i in range(dims))
    assert float(found["covariance"]) == pytest.approx(2 * off + 3 * on, rel=1e-3, abs=1e-5)
    posterior = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    standard = Independent(Normal(torch.zeros(dims), torch.ones(dims)), 1)
    torch.testing.assert_close(found["regularization"], 0.5 * kl_divergence(posterior, standard).mean())


def test_what_it_refuses() -> None:
    encoder = SmallEncoder(2, ImageShape(1, 16))
    make().check(encoder, StandardNormal(2))
    with pytest.raises(ValueError, match="OnlySampled can only be sampled"):
        make().check(encoder, OnlySampled(2))
    with pytest.raises(ValueError, match="LearnedNormal is none; use --prior gaussian, or --regularizer kl"):
        make().check(encoder, LearnedNormal(2))
    one = torch.zeros(1, 2)
    with pytest.raises(ConfigurationError, match="use at least --batch-size 2"):
        make().encoder_terms(Posterior(one, one, one), StandardNormal(2), one)
