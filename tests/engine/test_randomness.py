import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.engine import DataOrder, seed_for, seed_global_generators

lengths = st.integers(1, 23)
seeds = st.integers(0, 2**63 - 1)


@settings(deadline=None, max_examples=40)
@given(length=lengths, seed=seeds, epoch=st.integers(0, 10**6))
def test_every_pass_is_a_permutation(length: int, seed: int, epoch: int) -> None:
    indices = DataOrder(length, seed).batch(epoch * length, length)
    assert indices.dtype == torch.int64
    assert indices.sort().values.tolist() == list(range(length))


@settings(deadline=None, max_examples=40)
@given(
    length=lengths, seed=seeds, start=st.integers(0, 100), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=6)
)
def test_batches_are_pieces_of_one_sequence(length: int, seed: int, start: int, sizes: list[int]) -> None:
    order, position, pieces = DataOrder(length, seed), start, []
    for size in sizes:
        pieces.append(order.batch(position, size))
        position += size
    assert torch.equal(torch.cat(pieces), DataOrder(length, seed).batch(start, sum(sizes)))


@settings(deadline=None, max_examples=40)
@given(length=lengths, seed=seeds, positions=st.lists(st.integers(0, 200), min_size=2, max_size=8))
def test_what_was_asked_before_makes_no_difference(length: int, seed: int, positions: list[int]) -> None:
    order = DataOrder(length, seed)
    asked = [order.batch(position, 7) for position in positions]
    for position, batch in zip(positions, asked, strict=True):
        assert torch.equal(batch, DataOrder(length, seed).batch(position, 7))


def test_passes_and_seeds_differ() -> None:
    order = DataOrder(50, 0)
    first, second = order.batch(0, 50), order.batch(50, 50)
    assert not torch.equal(first, second)
    assert not torch.equal(first, DataOrder(50, 1).batch(0, 50))


def test_the_order_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    DataOrder(50, 0).batch(0, 120)
    assert torch.equal(torch.get_rng_state(), before)


@given(seed=seeds, purpose=st.text(max_size=20), position=st.integers(0, 2**62))
def test_a_seed_has_63_bits_and_is_repeatable(seed: int, purpose: str, position: int) -> None:
    made = seed_for(seed, purpose, position)
    assert 0 <= made < 2**63
    assert made == seed_for(seed, purpose, position)
    torch.Generator().manual_seed(made)


def test_a_seed_depends_on_all_three_arguments() -> None:
    made = [
        seed_for(seed, purpose, position)
        for seed in (0, 1, 10, 2**62)
        for purpose in ("order", "weights", "autoencoder")
        for position in (0, 1, 64, 128)
    ]
    assert len(set(made)) == len(made)
    # The seeds have no pattern: about half of all bits are set.
    ones = sum(number.bit_count() for number in made) / (63 * len(made))
    assert ones == pytest.approx(0.5, abs=0.05)


@given(st.integers(0, 2**63 - 1))
@settings(deadline=None)
def test_the_global_generator_is_seeded_as_torch_does_it(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        expected = torch.rand(3)
        seed_global_generators(seed, torch.device("cpu"))
        assert torch.equal(torch.rand(3), expected)
