"""The encoder `fsq`."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from priorkit.interfaces import CodeSpace
from priorkit.plugins import EncoderContext
from priorkit_plugins.fsq_encoder import FiniteScalarQuantisingOptions, priorkit_encoders
from priorkit_plugins.fsq_encoder.encoder import FiniteScalarQuantisingEncoder

levels_of = st.lists(st.integers(2, 6), min_size=1, max_size=4).map(tuple)


def encoder_of(levels: tuple[int, ...]) -> FiniteScalarQuantisingEncoder:
    """Its images are maps of one place."""
    return FiniteScalarQuantisingEncoder(nn.Flatten(), CodeSpace((len(levels), 1, 1)), levels)


@settings(deadline=None, max_examples=30)
@given(levels=levels_of)
def test_indices_are_the_points_of_the_grid(levels: tuple[int, ...]) -> None:
    encoder = encoder_of(levels)
    points = encoder.embed(torch.arange(math.prod(levels))[:, None])
    values = [[(step - level // 2) / (level // 2) for step in range(level)] for level in levels]
    # The first channel is the fastest.
    expected = [point[::-1] for point in itertools.product(*values[::-1])]
    torch.testing.assert_close(points, torch.tensor(expected))


@settings(deadline=None, max_examples=30)
@given(levels=levels_of, seed=st.integers(0, 2**32 - 1))
def test_numbers_are_squashed_and_rounded(levels: tuple[int, ...], seed: int) -> None:
    """As the paper has it, Section 3 and Appendix A.1; of any number, and of numbers beyond all bounds."""
    encoder = encoder_of(levels)
    numbers = 3 * torch.randn(64, len(levels), generator=torch.Generator().manual_seed(seed))
    numbers[0], numbers[1], numbers[2] = 100, -100, 0
    found = encoder(numbers[:, :, None, None])
    assert found.indices is not None
    assert found.unquantised is not None
    torch.testing.assert_close(encoder.embed(found.indices), found.code)
    assert not bool(found.code[2].any())
    half = torch.tensor([level // 2 for level in levels])
    assert float(((found.code - found.unquantised) * half).abs().max()) <= 0.5 + 1e-6
    for channel, level in enumerate(levels):
        assert float(found.code[0, channel]) == pytest.approx((level - 1 - level // 2) / (level // 2))
        assert float(found.code[1, channel]) == -1
        order = numbers[:, channel].argsort()
        assert bool((found.code[order, channel].diff() >= 0).all())


def test_gradients_pass_the_rounding_by() -> None:
    encoder = encoder_of((5, 4))
    numbers = torch.randn(8, 2, 1, 1, generator=torch.Generator().manual_seed(0), requires_grad=True)
    found, weights = encoder(numbers), torch.randn(8, 2)
    assert found.unquantised is not None
    (through,) = torch.autograd.grad((found.code * weights).sum(), numbers, retain_graph=True)
    (expected,) = torch.autograd.grad((found.unquantised * weights).sum(), numbers)
    assert torch.equal(through, expected)
    assert bool(expected.all())


@pytest.mark.parametrize(
    ("levels", "told"),
    [((1, 5), "greater than or equal to 2"), ((64, 64, 64), "a codebook of 262144 entries, and it may have at most")],
)
def test_levels_that_cannot_be(levels: tuple[int, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        FiniteScalarQuantisingOptions(levels=levels)


def test_channels_are_as_many_as_levels() -> None:
    class Networks:
        def encoder(self, outputs: int) -> nn.Module:
            return nn.Linear(1, outputs)

    (component,) = priorkit_encoders()
    context = EncoderContext(Networks(), 32, codes=CodeSpace((2, 4, 4)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"there are 4 levels, 8,5,5,5, .* --code-dim is 2; use --code-dim 4"):
        component.build(component.options(), context)
