import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from priorkit_plugins.residual_code_generator.code_generator import ResidualCodeGenerator


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), blocks=st.integers(1, 4), output_norm=st.booleans())
def test_against_its_formula(seed: int, blocks: int, output_norm: bool) -> None:
    torch.manual_seed(seed)
    generator = ResidualCodeGenerator(4, 3, hidden=6, blocks=blocks, output_norm=output_norm)
    noise = torch.randn(16, 4)
    linear = [(part.weight, part.bias) for part in generator.modules() if isinstance(part, nn.Linear)]
    assert len(linear) == 2 * blocks + 2

    def normalise(x: Tensor) -> Tensor:
        return functional.batch_norm(x, None, None, training=True)

    hidden = functional.linear(noise, *linear[0])
    for block in range(blocks):
        inner = functional.linear(functional.relu(normalise(hidden)), *linear[2 * block + 1])
        hidden = hidden + functional.linear(functional.relu(normalise(inner)), *linear[2 * block + 2])
    expected = functional.linear(hidden, *linear[-1])
    expected = normalise(expected) if output_norm else expected
    torch.testing.assert_close(generator(noise), expected, rtol=1e-4, atol=1e-4)


def test_hidden_layers_are_twice_as_wide_as_the_noise_unless_told_otherwise() -> None:
    widths = [ResidualCodeGenerator(4, 3, hidden=hidden).network[0].out_features for hidden in (None, 5)]
    assert widths == [8, 5]
