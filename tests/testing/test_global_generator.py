import pytest
import torch

from priorkit.testing.global_generator import seeded


def test_numbers_are_those_of_the_seed_and_the_state_comes_back() -> None:
    before = torch.random.get_rng_state()
    with seeded(3):
        drawn = torch.rand(4)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(drawn, torch.rand(4, generator=torch.Generator().manual_seed(3)))


def test_an_error_restores_the_state_too() -> None:
    def fails() -> None:
        with seeded(3):
            torch.rand(4)
            raise RuntimeError

    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError):
        fails()
    assert torch.equal(torch.random.get_rng_state(), before)
