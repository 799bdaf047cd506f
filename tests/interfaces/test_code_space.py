"""Spaces of codes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.interfaces import CodeKind, CodeSpace

sizes = st.integers(1, 50)


@settings(deadline=None)
@given(shape=st.tuples(sizes) | st.tuples(sizes, sizes, sizes))
def test_numbers_have_one_dimension_or_three(shape: tuple[int, ...]) -> None:
    space = CodeSpace(shape)
    assert space.kind is (CodeKind.VECTOR if len(shape) == 1 else CodeKind.MAP)
    assert space.dim == math.prod(shape)


@settings(deadline=None)
@given(shape=st.tuples(sizes, sizes), entries=st.integers(2, 10_000))
def test_a_codebook_makes_indices(shape: tuple[int, int], entries: int) -> None:
    space = CodeSpace(shape, entries)
    assert (space.kind, space.dim) == (CodeKind.INDICES, shape[0] * shape[1])


@pytest.mark.parametrize(
    ("shape", "entries"),
    [((), 0), ((2, 2), 0), ((2,), 4), ((3, 2, 2), 4), ((0,), 0), ((2, -1, 2), 0), ((2, 2), 1), ((2, 2), -3)],
)
def test_there_are_no_other_spaces(shape: tuple[int, ...], entries: int) -> None:
    with pytest.raises(ValueError, match=r"vectors have the shape \(D,\)|at least 2 entries"):
        CodeSpace(shape, entries)
