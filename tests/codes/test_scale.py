"""The scale of given codes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.codes import CodeScale
from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeSpace


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    offset=st.sampled_from([0.0, -1e6, 1e6]),
    size=st.sampled_from([1e-6, 1.0, 1e6]),
    count=st.integers(2, 40),
)
def test_any_scale_becomes_mean_0_and_deviation_1_and_back(seed: int, offset: float, size: float, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = offset + size * torch.randn(count, 3, generator=generator, dtype=torch.float64)
    codes[:, 1] = offset
    scale = CodeScale.of(codes, CodeSpace((3,)))
    seen = scale(codes)
    assert (seen.dtype, seen.shape, scale.seen) == (torch.float32, (count, 2), CodeSpace((2,)))
    # What float64 rounds off codes of this offset.
    rounded = 1e-15 * abs(offset)
    assert seen.mean(0).abs().max() < 1e-5 + rounded / size
    assert (seen.std(0, correction=0) - 1).abs().max() < 1e-5 + rounded / size
    back = scale.inverse(seen)
    assert (back - codes).abs().max() <= 1e-5 * size + rounded
    assert torch.equal(back[:, 1], codes[:, 1])
    expected = codes[:, [0, 2]].numpy().std(0)
    assert math.isclose(scale.log_volume(), float(np.log(expected).sum()), abs_tol=1e-6 + 2 * rounded / size)


@pytest.mark.parametrize("size", [1e-300, 5e-324, 1e150])
def test_the_smallest_and_largest_numbers_are_no_trouble(size: float) -> None:
    codes = torch.tensor([[0.0, 0.0], [size, 1.0], [2 * size, 0.0]], dtype=torch.float64)
    scale = CodeScale.of(codes, CodeSpace((2,)))
    seen = scale(codes)
    assert seen.isfinite().all()
    assert scale.inverse(seen).isfinite().all()
    assert math.isfinite(scale.log_volume())


def test_float32_codes_are_measured_in_float64() -> None:
    codes = 1e6 + torch.arange(100.0)[:, None] / 16
    scale = CodeScale.of(codes, CodeSpace((1,)))
    assert math.isclose(float(scale.deviation), float(codes.double().std(correction=0)), rel_tol=1e-9)


def test_maps_are_scaled_channel_by_channel() -> None:
    codes = torch.randn(50, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1e3, 1.0, 1.0]).view(
        3, 1, 1
    )
    codes[:, 1] = 4
    flat = codes.flatten(1)
    scale = CodeScale.of(flat, CodeSpace((3, 2, 2)))
    assert scale.seen == CodeSpace((2, 2, 2))
    seen = scale(flat).view(50, 2, 4)
    assert torch.allclose(seen.transpose(1, 2).reshape(-1, 2).std(0, correction=0), torch.ones(2), atol=1e-5)
    assert torch.allclose(scale.inverse(scale(flat)).float(), flat, atol=1e-3)


def test_indices_have_no_scale() -> None:
    codes = torch.tensor([[0, 1], [1, 1]])
    scale = CodeScale.of(codes, CodeSpace((1, 2), entries=2))
    assert scale(codes) is codes is scale.inverse(codes)
    assert (scale.seen, scale.log_volume()) == (CodeSpace((1, 2), entries=2), 0)


@pytest.mark.parametrize(
    ("codes", "space", "told"),
    [
        (torch.ones(3, 2), CodeSpace((2,)), "all 2 dimensions of the codes are constant over 3 rows"),
        (torch.ones(3, 8), CodeSpace((2, 2, 2)), "all 2 channels of the codes are constant"),
        (torch.ones(3, 2, dtype=torch.int64), CodeSpace((1, 2), entries=2), "all 3 codes are the same"),
        (
            torch.tensor([[0.0, -1.7e308], [1.0, 1.7e308]], dtype=torch.float64),
            CodeSpace((2,)),
            r"codes reach from -1.7e\+308 to 1.7e\+308 in column 1",
        ),
    ],
)
def test_codes_without_a_scale_are_refused(codes: torch.Tensor, space: CodeSpace, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        CodeScale.of(codes, space)
