from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Normal

from priorkit.interfaces import Encoder, ImageShape
from priorkit.plugins import EncoderContext
from priorkit_plugins.gaussian_encoder import GaussianEncoderOptions, priorkit_encoders
from priorkit_plugins.gaussian_encoder.encoder import GaussianEncoder
from priorkit_plugins.mlp_networks.networks import MLPNetworks

CODE_DIM = 3
seeds = st.integers(0, 2**32 - 1)


def build(seed: int, **options: Any) -> Encoder:
    torch.manual_seed(seed)
    [component] = priorkit_encoders()
    networks = MLPNetworks(ImageShape(1, 16), hidden=8)
    return component.build(GaussianEncoderOptions(**options), EncoderContext(networks, CODE_DIM))


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=10)
@given(seed=seeds, n=st.integers(1, 4))
def test_posterior_of_images(seed: int, n: int) -> None:
    encoder = build(seed)
    assert encoder.stochastic
    assert encoder.code_dim == CODE_DIM
    image, noise = torch.rand(n, 1, 16, 16) * 2 - 1, drawn(seed, n, CODE_DIM)
    posterior = encoder(image, noise)
    for tensor in (posterior.code, posterior.mean, posterior.log_variance):
        assert tensor is not None
        assert tensor.shape == (n, CODE_DIM)
        assert tensor.dtype == torch.float32
        assert tensor.isfinite().all()
    # A draw's quantile in the posterior is the noise's in the standard normal.
    assert posterior.log_variance is not None
    quantiles = Normal(posterior.mean, (0.5 * posterior.log_variance).exp()).cdf(posterior.code)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(quantiles, Normal(0.0, 1.0).cdf(noise), rtol=1e-4, atol=1e-5)  # type: ignore[no-untyped-call]


def test_statistics_of_many_draws() -> None:
    n = 20_000
    mean, log_variance = torch.tensor([-2.0, 0.0, 3.0]), torch.tensor([-1.5, 0.0, 1.0])
    inputs = torch.cat([mean, log_variance]).expand(n, -1)
    codes = GaussianEncoder(nn.Identity(), 3, min_log_variance=-1e3, max_log_variance=1e3)(inputs, drawn(0, n, 3)).code
    variance = log_variance.exp()
    # Five standard errors.
    assert ((codes.mean(0) - mean).abs() < 5 * (variance / n).sqrt()).all()
    assert ((codes.var(0) - variance).abs() < 5 * variance * (2 / n) ** 0.5).all()


@settings(deadline=None, max_examples=30)
@given(
    centre=st.floats(-5, 5),
    radius=st.floats(0.5, 20),
    free=st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=8, unique=True),
)
def test_log_variances_stay_in_their_range_and_in_order(centre: float, radius: float, free: list[float]) -> None:
    bounds = {"min_log_variance": centre - radius, "max_log_variance": centre + radius}
    values = torch.tensor(sorted(free))[:, None]
    posterior = GaussianEncoder(nn.Identity(), 1, **bounds)(torch.cat([torch.zeros_like(values), values], dim=1))
    log_variance = posterior.log_variance
    assert log_variance is not None
    assert log_variance.min() >= bounds["min_log_variance"] - 1e-5
    assert log_variance.max() <= bounds["max_log_variance"] + 1e-5
    assert (log_variance.diff(dim=0) >= 0).all()


def test_log_variances_are_nearly_free_in_the_middle_and_can_come_back_from_beyond() -> None:
    encoder = GaussianEncoder(nn.Identity(), 1)
    middle = torch.linspace(-1, 1, 11)[:, None]
    posterior = encoder(torch.cat([torch.zeros_like(middle), middle], dim=1))
    torch.testing.assert_close(posterior.log_variance, middle, rtol=0, atol=0.01)
    beyond = torch.tensor([[0.0, -30.0], [0.0, 30.0]], requires_grad=True)
    log_variance = encoder(beyond).log_variance
    assert log_variance is not None
    log_variance.sum().backward()
    assert beyond.grad is not None
    assert (beyond.grad[:, 1] > 0).all()


@settings(deadline=None, max_examples=10)
@given(seed=seeds)
def test_gradients_of_the_draw_are_those_of_reparameterisation(seed: int) -> None:
    # d code / d mean is 1; d code / d log-variance is half the deviation from the mean.
    wide = {"min_log_variance": -1e4, "max_log_variance": 1e4}
    inputs = drawn(seed, 5, 4).double().requires_grad_()
    posterior = GaussianEncoder(nn.Identity(), 2, **wide)(inputs, drawn(seed + 1, 5, 2).double())
    posterior.code.sum().backward()
    assert inputs.grad is not None
    torch.testing.assert_close(inputs.grad[:, :2], torch.ones(5, 2, dtype=torch.float64))
    deviation = (posterior.code - posterior.mean).detach()
    torch.testing.assert_close(inputs.grad[:, 2:], 0.5 * deviation, rtol=1e-4, atol=1e-6)


@settings(deadline=None, max_examples=10)
@given(seed=seeds)
def test_the_posterior_is_computed_in_single_precision_under_autocast(seed: int) -> None:
    encoder = build(seed)
    assert isinstance(encoder, GaussianEncoder)
    image, noise = torch.rand(4, 1, 16, 16), drawn(seed, 4, CODE_DIM)
    with torch.autocast("cpu", torch.bfloat16):
        parameters = encoder.body(image)
        posterior = encoder(image, noise)
    assert parameters.dtype == torch.bfloat16
    expected = GaussianEncoder(nn.Identity(), CODE_DIM)(parameters.float(), noise)
    assert posterior.code.dtype == torch.float32
    assert torch.equal(posterior.code, expected.code)
    assert torch.equal(posterior.log_variance, expected.log_variance)


@pytest.mark.parametrize(("minimum", "maximum"), [(1.0, 1.0), (2.0, -2.0)])
def test_an_empty_range_is_refused(minimum: float, maximum: float) -> None:
    with pytest.raises(ValidationError, match=f"min_log_variance is {minimum} .* must be below the maximum"):
        GaussianEncoderOptions(min_log_variance=minimum, max_log_variance=maximum)


def test_an_endless_range_is_refused() -> None:
    with pytest.raises(ValidationError):
        GaussianEncoderOptions(min_log_variance=float("-inf"))
