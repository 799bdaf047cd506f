"""Ranges: of what networks give, and of options."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit_plugins.option_bounds import require_order
from priorkit_plugins.soft_bounds import softly_bounded


@settings(deadline=None)
@given(low=st.floats(-100, 100), width=st.floats(0.1, 100))
def test_it_rises_from_the_lower_to_the_upper_bound(low: float, width: float) -> None:
    free = torch.linspace(low - 3 * width, low + 4 * width, 201, dtype=torch.float64).requires_grad_()
    found = softly_bounded(free, low, low + width)
    assert found.min() > low
    assert found.max() < low + width
    (slope,) = torch.autograd.grad(found.sum(), free)
    assert (slope > 0).all()
    # The middle stays where it is, and so do its neighbours.
    torch.testing.assert_close((found[100], slope[100]), (free[100], torch.ones((), dtype=torch.float64)))


def test_bounds_the_wrong_way_round() -> None:
    require_order("scale", 1.0, 2.0)
    with pytest.raises(ValueError, match=r"^min_scale is 2.0 and max_scale is 2.0: the minimum must be below the max"):
        require_order("scale", 2.0, 2.0)
