import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from priorkit_plugins.noisy_encoder.encoder import NoisyEncoder


def make(noise: float = 0.3) -> NoisyEncoder:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Flatten(), nn.Linear(16, 5))
    with torch.no_grad():
        # Dimensions of very different sizes, one of them almost empty.
        body[1].weight.mul_(torch.tensor([100.0, 10.0, 1.0, 0.1, 0.001])[:, None])
    return NoisyEncoder(body, 5, noise)


def images(n: int) -> torch.Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32), noise=st.floats(0.01, 2.0))
def test_codes_are_the_mean_and_noise_of_one_size(seed: int, noise: float) -> None:
    encoder = make(noise)
    drawn = torch.randn(8, 5, generator=torch.Generator().manual_seed(seed))
    posterior = encoder(images(8), drawn)
    torch.testing.assert_close(posterior.code, posterior.mean + noise * drawn)
    torch.testing.assert_close(posterior.log_variance, torch.full((8, 5), 2 * math.log(noise)))
    assert torch.equal(encoder.eval()(images(8)).code, encoder(images(8)).mean)


def test_no_dimension_vanishes() -> None:
    mean = make()(images(500)).mean
    assert mean.mean(0).abs().max() < 1e-4
    # The last dimension varies by about the square root of batch norm's epsilon, by which it is a little smaller.
    torch.testing.assert_close(mean.std(0)[:4], torch.ones(4), rtol=0.01, atol=0)


def test_it_is_stochastic_and_its_mean_has_no_parameters_of_its_own() -> None:
    encoder = make()
    assert encoder.stochastic
    assert encoder.code_dim == 5
    assert not list(encoder.norm.parameters())


def test_codes_are_single_precision_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        posterior = make()(images(8), torch.zeros(8, 5))
    assert posterior.code.dtype == posterior.mean.dtype == torch.float32
    assert float(posterior.log_variance[0, 0]) == pytest.approx(2 * math.log(0.3))
