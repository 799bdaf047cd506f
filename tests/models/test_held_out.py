import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import energy_distance as scipy_energy_distance

from priorkit.models.held_out import energy_distance, reconstruction_error

seeds = st.integers(0, 2**32)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=25)
@given(seed=seeds, n=st.integers(2, 40), m=st.integers(2, 40), shift=st.floats(-2, 2))
def test_agrees_with_scipy_in_one_dimension(seed: int, n: int, m: int, shift: float) -> None:
    """scipy gives the square root of the V-statistic, whose means within a sample have its n zeros in them.

    With B the mean of |x - x'| over all n^2 pairs, and C the same of y: ours = scipy^2 - B / (n - 1) - C / (m - 1).
    """
    x, y = normal(seed, n, 1), normal(seed + 1, m, 1) + shift
    first, second = x[:, 0].double().numpy(), y[:, 0].double().numpy()
    within = sum(np.abs(values[:, None] - values[None, :]).mean() / (len(values) - 1) for values in (first, second))
    expected = scipy_energy_distance(first, second) ** 2 - within
    # The distances of many samples are computed by a matrix product, and of near ones lose digits.
    assert energy_distance(x, y) == pytest.approx(expected, abs=2e-3)


@settings(deadline=None, max_examples=15)
@given(seed=seeds, n=st.integers(2, 12), m=st.integers(2, 12))
def test_is_the_mean_over_pairs_in_any_shape(seed: int, n: int, m: int) -> None:
    x, y = normal(seed, n, 2, 3, 3), normal(seed + 1, m, 2, 3, 3) * 1.5
    first, second = x.flatten(1).double().numpy(), y.flatten(1).double().numpy()

    def distances(a: np.ndarray, b: np.ndarray) -> list[float]:
        return [np.linalg.norm(p - q) for i, p in enumerate(a) for j, q in enumerate(b) if a is not b or i != j]

    between, here, there = (np.mean(distances(*pair)) for pair in ((first, second), (first, first), (second, second)))
    expected = (2 * between - here - there) / 18**0.5
    assert energy_distance(x, y) == pytest.approx(expected, abs=1e-5)
    assert energy_distance(y, x) == pytest.approx(expected, abs=1e-5)


def test_samples_of_one_distribution_are_at_no_distance_on_average() -> None:
    values = [energy_distance(normal(seed, 30, 5), normal(1000 + seed, 20, 5)) for seed in range(60)]
    assert min(values) < 0 < max(values)
    assert abs(float(np.mean(values))) < 3 * float(np.std(values)) / 60**0.5


def test_grows_with_a_shift_and_notices_a_scale() -> None:
    x, y = normal(0, 100, 8), normal(1, 100, 8)
    shifted = [energy_distance(x, y + shift) for shift in (0.0, 0.3, 1.0, 3.0)]
    assert shifted == sorted(shifted)
    assert shifted[1] > shifted[0] + 0.01
    assert energy_distance(x, 3 * y) > 10 * abs(shifted[0])


def test_does_not_grow_with_the_size_of_images() -> None:
    small, large = (energy_distance(normal(0, 60, d), normal(1, 60, d) + 1.0) for d in (64, 4096))
    assert large == pytest.approx(small, rel=0.15)


@settings(deadline=None, max_examples=10)
@given(seed=seeds)
def test_the_reconstruction_error_is_the_mean_squared_error(seed: int) -> None:
    x, y = normal(seed, 3, 1, 4, 4).clamp(-1, 1), normal(seed + 1, 3, 1, 4, 4).clamp(-1, 1)
    expected = float(((x.numpy() - y.numpy()) ** 2).mean())
    assert reconstruction_error(x, y) == pytest.approx(expected, rel=1e-5)
    assert reconstruction_error(x, x) == 0
    assert 0 <= reconstruction_error(x, y) <= 4
    assert reconstruction_error(torch.ones(1, 1, 2, 2), -torch.ones(1, 1, 2, 2)) == 4
