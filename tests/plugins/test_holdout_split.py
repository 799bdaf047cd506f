"""The choice of images to hold out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.plugins import held_out


@settings(deadline=None, max_examples=50)
@given(count=st.integers(2, 300), share=st.floats(0, 1), seed=st.integers(0, 2**63 - 1))
def test_every_image_is_in_exactly_one_of_two_sets(count: int, share: float, seed: int) -> None:
    train, test = held_out(count, share, seed)
    assert torch.equal(torch.cat([train, test]).sort().values, torch.arange(count))
    assert len(train) >= 1
    assert len(test) >= 1
    assert abs(len(test) - share * count) <= 1


def test_the_seed_alone_decides() -> None:
    torch.manual_seed(0)
    first = held_out(100, 0.1, seed=5)
    torch.manual_seed(1)
    again, other = held_out(100, 0.1, seed=5), held_out(100, 0.1, seed=6)
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])


@pytest.mark.parametrize("seed", range(3))
def test_no_region_is_preferred(seed: int) -> None:
    _, test = held_out(10_000, 0.5, seed)
    # The mean of 5,000 indices out of 10,000 has a standard deviation of 29.
    assert abs(test.double().mean() - 4999.5) < 150


@settings(deadline=None, max_examples=100)
@given(labels=st.lists(st.integers(0, 6), min_size=2, max_size=60), share=st.floats(0, 1), seed=st.integers(0, 2**31))
def test_no_class_is_held_out_as_a_whole(labels: list[int], share: float, seed: int) -> None:
    classes = torch.tensor(labels)
    train, test = held_out(len(labels), share, seed, classes)
    assert torch.equal(torch.cat([train, test]).sort().values, torch.arange(len(labels)))
    assert len(train) >= 1
    assert len(test) >= 1
    plain = held_out(len(labels), share, seed)
    if set(classes[plain[0]].tolist()) == set(labels):
        # Whoever has trained a run on such a split goes on with it.
        assert torch.equal(train, plain[0])
    if len(set(labels)) < len(labels):
        assert set(classes[train].tolist()) == set(labels)
    else:
        assert torch.equal(train, plain[0])
