import pytest
import torch

from priorkit.evaluation import two_sample_accuracy


def normal(n: int, dim: int, seed: int) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def test_equal_distributions_cannot_be_told_apart() -> None:
    accuracy, error = two_sample_accuracy(normal(600, 3, 0), normal(600, 3, 1))
    assert error == pytest.approx(0.5 / 600**0.5)
    assert accuracy == pytest.approx(0.5, abs=4 * error)


def test_disjoint_sets_are_told_apart() -> None:
    x = normal(100, 3, 0)
    assert two_sample_accuracy(x, x + 30)[0] == 1


def test_known_overlap() -> None:
    # Of two normal distributions two deviations apart, no classifier gets more than Phi(1) = 0.841 right.
    x, y = normal(1500, 1, 0), normal(1500, 1, 1) + 2
    assert two_sample_accuracy(x, y)[0] == pytest.approx(0.8413, abs=0.03)


def test_finds_what_is_not_linear() -> None:
    # The same mean and variance in each dimension, but one of them is a ring.
    angles = 2 * torch.pi * torch.rand(800, generator=torch.Generator().manual_seed(0))
    ring = 2**0.5 * torch.stack([angles.cos(), angles.sin()], 1)
    assert two_sample_accuracy(ring, normal(800, 2, 1))[0] > 0.8


def test_scale_and_sizes_do_not_matter() -> None:
    x, y = 1e6 * normal(300, 2, 0) + 5e6, 1e6 * normal(120, 2, 1) + 5e6
    x[:, 1] = y[:, 1] = 3.0  # never varies
    accuracy, error = two_sample_accuracy(x, y)
    assert error == pytest.approx(0.5 / 120**0.5)
    assert accuracy == pytest.approx(0.5, abs=4 * error)


def test_the_seed_decides() -> None:
    before = torch.random.get_rng_state()
    x, y = normal(60, 2, 0), normal(60, 2, 1) + 0.5
    assert two_sample_accuracy(x, y, seed=2**63 - 1) == two_sample_accuracy(x, y, seed=2**63 - 1)
    assert torch.equal(torch.random.get_rng_state(), before)
