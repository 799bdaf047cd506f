import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from priorkit_plugins.pyramid import FLOOR, halvings, project, pyramid_channels


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_halving_leads_to_the_floor(size: int) -> None:
    assert size / 2 ** halvings(size) == FLOOR


def test_channels_double_up_to_eight_times_the_first() -> None:
    assert pyramid_channels(3, 6) == [3, 6, 12, 24, 24, 24]


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 5), code_dim=st.integers(1, 5), channels=st.integers(1, 4))
def test_projection_is_a_transposed_convolution_of_one_pixel(seed: int, n: int, code_dim: int, channels: int) -> None:
    torch.manual_seed(seed)
    projection = project(code_dim, channels)
    code = torch.randn(n, code_dim)
    # The weight of a transposed convolution is (inputs, outputs, height, width).
    linear = projection[0]
    assert isinstance(linear, nn.Linear)
    weight = linear.weight.T.reshape(code_dim, channels, FLOOR, FLOOR)
    image = functional.conv_transpose2d(code[:, :, None, None], weight)
    expected = functional.relu(functional.batch_norm(image, None, None, training=True))
    torch.testing.assert_close(projection(code), expected, rtol=1e-4, atol=1e-4)
