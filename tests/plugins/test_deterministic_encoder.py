import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.interfaces import Encoder, ImageShape
from priorkit.plugins import EncoderContext
from priorkit_plugins.deterministic_encoder import DeterministicEncoderOptions, priorkit_encoders
from priorkit_plugins.mlp_networks.networks import MLPNetworks

CODE_DIM = 3


def build(seed: int) -> Encoder:
    torch.manual_seed(seed)
    [component] = priorkit_encoders()
    networks = MLPNetworks(ImageShape(1, 16), hidden=8)
    return component.build(DeterministicEncoderOptions(), EncoderContext(networks, CODE_DIM))


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 4))
def test_the_code_is_the_networks_output_whatever_the_noise(seed: int, n: int) -> None:
    encoder = build(seed)
    assert encoder.code_dim == CODE_DIM
    assert not encoder.stochastic
    torch.manual_seed(seed)
    body = MLPNetworks(ImageShape(1, 16), hidden=8).encoder(CODE_DIM)
    image = torch.rand(n, 1, 16, 16) * 2 - 1
    for noise in (None, torch.randn(n, CODE_DIM)):
        posterior = encoder(image, noise)
        assert torch.equal(posterior.code, body(image))
        assert torch.equal(posterior.mean, posterior.code)
        assert posterior.log_variance is None


def test_codes_are_single_precision_under_autocast_and_double_where_the_body_is() -> None:
    encoder, image = build(0), torch.rand(2, 1, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        code = encoder(image).code
    assert code.dtype == torch.float32
    torch.testing.assert_close(code, encoder(image).code, rtol=0.05, atol=0.05)
    assert encoder.double()(image.double()).code.dtype == torch.float64
