import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from priorkit.evaluation import frechet_distance


def features(n: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    return torch.randn(n, dim, generator=generator, dtype=torch.float64) @ mixing + torch.randn(
        dim, generator=generator, dtype=torch.float64
    )


def by_scipy(x: torch.Tensor, y: torch.Tensor) -> float:
    c1, c2 = np.cov(x.numpy(), rowvar=False), np.cov(y.numpy(), rowvar=False)
    root = scipy.linalg.sqrtm(c1 @ c2).real
    difference = x.numpy().mean(0) - y.numpy().mean(0)
    return float(difference @ difference + np.trace(c1 + c2 - 2 * root))


@given(n=st.integers(30, 60), m=st.integers(30, 60), dim=st.integers(2, 8), seed=st.integers(0, 2**62))
def test_agrees_with_three_others(n: int, m: int, dim: int, seed: int) -> None:
    x, y = features(n, dim, seed), features(m, dim, seed + 1)
    found = frechet_distance(x, y)
    fidelity = fid_statistics_to_metric(fid_features_to_statistics(x), fid_features_to_statistics(y), verbose=False)
    torchmetrics = _compute_fid(x.mean(0), torch.cov(x.T), y.mean(0), torch.cov(y.T))
    assert found == pytest.approx(by_scipy(x, y), rel=1e-6)
    assert found == pytest.approx(fidelity["frechet_inception_distance"], rel=1e-6)
    assert found == pytest.approx(float(torchmetrics), rel=1e-4)


@given(seed=st.integers(0, 2**62))
def test_fewer_images_than_dimensions(seed: int) -> None:
    # Covariances are singular; numbers that rounding makes negative must not turn complex.
    x, y = features(5, 12, seed), features(9, 12, seed + 1)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-6)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-4)


def test_known_answers() -> None:
    x = features(40, 3, 0)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    # Moved: the squared distance; scaled by 3: (3 - 1)^2 times the variances.
    assert frechet_distance(x, x + torch.tensor([3.0, 0, 4])) == pytest.approx(25)
    centred = x - x.mean(0)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(4 * float(torch.cov(x.T).trace()))
    # Two points, and none of the variance: |m|^2 alone.
    assert frechet_distance(torch.zeros(5, 3), torch.ones(4, 3)) == pytest.approx(3)
    # Collapsed samples miss all of the variance.
    mean = x.mean(0, keepdim=True)
    assert frechet_distance(mean.repeat(9, 1), x) == pytest.approx(float(torch.cov(x.T).trace()))


def test_a_single_feature() -> None:
    x = torch.tensor([[0.0], [2.0]])
    assert frechet_distance(x, 2 * x) == pytest.approx(1 + 2)
