"""The encoder `iaf`."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.interfaces import ImageShape
from priorkit.plugins import EncoderContext
from priorkit_plugins.iaf_encoder import IAFEncoderOptions, priorkit_encoders
from priorkit_plugins.iaf_encoder.encoder import IAFEncoder
from priorkit_plugins.iaf_encoder.transform import AutoregressiveTransform
from priorkit_plugins.mlp_networks.networks import MLPNetworks


def make(code_dim: int, seed: int = 0, **options: int) -> IAFEncoder:
    (component,) = priorkit_encoders()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks = MLPNetworks(ImageShape(1, 4), hidden=8, layers=1)
        encoder = component.build(IAFEncoderOptions(hidden=12, **options), EncoderContext(networks, code_dim))
        # Far from the identity, which flows start close to.
        for weight in encoder.transforms.parameters():
            nn.init.normal_(weight, std=0.45)
    assert isinstance(encoder, IAFEncoder)
    return encoder


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(code_dim=st.integers(1, 6), blocks=st.integers(0, 2), seed=st.integers(0, 2**62))
@settings(max_examples=8, deadline=None)
def test_each_dimension_depends_on_those_before_it(code_dim: int, blocks: int, seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transform = AutoregressiveTransform(code_dim, 2, hidden=24, blocks=blocks)
        for weight in transform.parameters():
            nn.init.normal_(weight, std=0.3)
    code, context = normal(1, code_dim, seed=seed), normal(1, 2, seed=seed + 1)
    jacobian = torch.autograd.functional.jacobian(lambda value: transform(value, context)[0], code)[0, :, 0]
    assert torch.equal(jacobian.triu(1), torch.zeros_like(jacobian))
    if code_dim > 1:
        # At one code, all units that a dimension hears of may be off.
        several = torch.autograd.functional.jacobian(
            lambda value: transform(value, context.expand(16, -1))[0].sum(0), normal(16, code_dim, seed=seed + 2)
        )
        assert (several.abs().sum(1).tril(-1).sum(1)[1:] > 0).all()
    volume = torch.linalg.slogdet(jacobian.double())[1]
    torch.testing.assert_close(transform(code, context)[1].double(), volume[None], rtol=1e-4, atol=1e-4)


def test_the_density_integrates_to_one_and_is_that_of_the_draws() -> None:
    encoder = make(2)
    image = normal(1, 1, 4, 4, seed=1)
    draws = 40_000
    noise = normal(draws, 2, seed=2)
    with torch.no_grad():
        posterior = encoder(image.expand(draws, -1, -1, -1), noise)
    assert posterior.log_prob is not None
    # Of any function of the code: the mean over draws, and the integral against the density at them, agree. Here the
    # density of a wide normal distribution, whose integral is 1.
    wide = torch.distributions.Normal(posterior.code.mean(0), 1.3 * posterior.code.std(0))
    ratios = (wide.log_prob(posterior.code).sum(1) - posterior.log_prob).exp()
    assert abs(ratios.mean() - 1) < 0.05
    # Not a normal distribution: how the flow changes volumes depends on where it is.
    assert (posterior.log_prob + 0.5 * noise.square().sum(1)).std() > 0.02


def test_without_noise_it_gives_what_the_flow_makes_of_the_mean() -> None:
    encoder = make(3)
    images = normal(4, 1, 4, 4, seed=1)
    still, zero = encoder(images), encoder(images, torch.zeros(4, 3))
    torch.testing.assert_close(still.code, zero.code)
    assert still.code is still.mean
    drawn = encoder(images, normal(4, 3, seed=2))
    torch.testing.assert_close(drawn.mean, still.code)
    assert (drawn.code - still.code).abs().min() > 1e-4


def test_it_starts_close_to_a_normal_distribution() -> None:
    (component,) = priorkit_encoders()
    networks = MLPNetworks(ImageShape(1, 4), hidden=8, layers=1)
    assert component.name == "iaf"
    encoder = component.build(IAFEncoderOptions(), EncoderContext(networks, 4))
    with torch.no_grad():
        code = encoder(torch.zeros(500, 1, 4, 4), normal(500, 4, seed=0)).code
    kurtosis = ((code - code.mean(0)) / code.std(0)).pow(4).mean(0)
    assert (kurtosis - 3).abs().max() < 1.0
