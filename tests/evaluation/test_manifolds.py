import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors
from torch_fidelity.metric_prc import calculate_precision_recall_full

from priorkit.evaluation import density_coverage, precision_recall


def normal(n: int, dim: int, seed: int) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(
    n=st.integers(5, 40),
    m=st.integers(5, 40),
    dim=st.integers(1, 30),
    k=st.integers(1, 4),
    seed=st.integers(0, 2**62),
)
def test_precision_and_recall_agree_with_torch_fidelity(n: int, m: int, dim: int, k: int, seed: int) -> None:
    real, made = normal(n, dim, seed), 0.8 * normal(m, dim, seed + 1) + 0.2
    theirs = calculate_precision_recall_full(made, real, neighborhood=k)
    assert precision_recall(real, made, k) == pytest.approx(theirs, abs=1e-6)


@given(n=st.integers(6, 40), m=st.integers(1, 40), dim=st.integers(1, 30), seed=st.integers(0, 2**62))
def test_density_and_coverage_agree_with_nearest_neighbours(n: int, m: int, dim: int, seed: int) -> None:
    real, made = normal(n, dim, seed).numpy(), 0.8 * normal(m, dim, seed + 1).numpy() + 0.2
    radii = NearestNeighbors(n_neighbors=6).fit(real).kneighbors(real)[0][:, -1]
    distances = np.linalg.norm(made[:, None] - real[None], axis=2)
    within = distances <= radii
    found = density_coverage(torch.from_numpy(real), torch.from_numpy(made))
    assert found == pytest.approx((within.sum() / (5 * m), within.any(0).mean()))


def test_more_images_than_are_compared_at_a_time() -> None:
    real, made = normal(1203, 2, 0), normal(1101, 2, 1)
    assert precision_recall(real, made) == pytest.approx(calculate_precision_recall_full(made, real), abs=1e-6)


def test_the_same_images() -> None:
    x = normal(50, 4, 0)
    assert precision_recall(x, x) == (1, 1)
    density, coverage = density_coverage(x, x)
    # Each image lies in its own ball and in those of which it is one of the five nearest.
    assert (density, coverage) == (pytest.approx(6 / 5), 1)


def test_disjoint_sets() -> None:
    x = normal(50, 4, 0)
    assert precision_recall(x, x + 1000) == (0, 0)
    assert density_coverage(x, x + 1000) == (0, 0)


def test_collapsed_samples_are_precise_and_cover_nothing() -> None:
    real = normal(200, 2, 0)
    centre = real[real.norm(dim=1).argmin()]
    made = centre.repeat(100, 1)
    precision, recall = precision_recall(real, made)
    assert precision == 1
    assert recall <= 1 / 200
    density, coverage = density_coverage(real, made)
    assert density > 0.5
    assert coverage < 0.1


def test_fewer_images_than_neighbours() -> None:
    x = normal(3, 2, 0)
    assert precision_recall(x, x, neighbours=10) == (1, 1)
    assert density_coverage(x, x, neighbours=10)[1] == 1
