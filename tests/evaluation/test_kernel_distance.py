import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.kid import poly_mmd

from priorkit.evaluation import code_discrepancy, kernel_distance
from priorkit.evaluation.kernel_distance import mean_discrepancy


def normal(n: int, dim: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + shift


@given(n=st.integers(3, 30), dim=st.integers(1, 9), seed=st.integers(0, 2**62))
def test_agrees_with_two_others(n: int, dim: int, seed: int) -> None:
    # Subsets of everything are all the same, so there is nothing random about them.
    x, y = normal(n, dim, seed), normal(n, dim, seed + 1, 0.3)
    mean, spread = kernel_distance(x, y, subsets=2, subset_size=n)
    theirs = kid_features_to_metric(x, y, kid_subsets=2, kid_subset_size=n, verbose=False)
    assert mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6, abs=1e-9)
    assert mean == pytest.approx(float(poly_mmd(x, y)), rel=1e-6, abs=1e-9)
    assert spread is None


def test_sets_of_different_sizes() -> None:
    x, y = normal(7, 4, 0), normal(1203, 4, 1, 0.5)
    xx, yy, xy = (polynomial_kernel(a.numpy(), b.numpy(), degree=3) for a, b in ((x, x), (y, y), (x, y)))
    within = sum((k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (xx, yy))
    found = mean_discrepancy(x, y, lambda a, b: (a @ b.T / 4 + 1) ** 3)
    assert found == pytest.approx(within - 2 * xy.mean())


def test_subsets() -> None:
    x, y = normal(300, 4, 0), normal(200, 4, 1, 0.5)
    assert kernel_distance(x, y, subset_size=50, seed=3) == kernel_distance(x, y, subset_size=50, seed=3)
    mean, spread = kernel_distance(x, y, subset_size=50)
    assert spread is not None
    # Unbiased: subsets agree with everything, within their spread.
    assert mean == pytest.approx(kernel_distance(x, y, subset_size=200, subsets=30)[0], abs=spread)
    assert spread > 0


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 60), (60, 40)])
def test_where_all_subsets_are_the_same_there_is_no_spread(n: int, m: int) -> None:
    x, y = normal(n, 4, 0), normal(m, 4, 1)
    assert kernel_distance(x, y, subset_size=50)[1] is None
    assert kernel_distance(x, y, subset_size=40)[1] is None
    assert kernel_distance(x, y, subset_size=39)[1] is not None


@pytest.mark.parametrize("measure", [code_discrepancy, lambda x, y: kernel_distance(x, y)[0]])
def test_equal_and_different_distributions(measure) -> None:
    x, same, moved = normal(400, 3, 0), normal(400, 3, 1), normal(400, 3, 2, 2.0)
    assert measure(x, same) == pytest.approx(0, abs=0.05)
    assert measure(x, moved) > 10 * abs(measure(x, same))


@given(factor=st.floats(0.01, 100), seed=st.integers(0, 2**62))
def test_the_scale_of_codes_does_not_matter(factor: float, seed: int) -> None:
    x, y = normal(20, 3, seed), normal(15, 3, seed + 1, 1.0)
    assert code_discrepancy(factor * x, factor * y) == pytest.approx(code_discrepancy(x, y), rel=1e-6)


def test_known_discrepancies_of_codes() -> None:
    # All pairs within a set coincide (kernel 1); those between are the median apart (kernel 1/2).
    x, y = torch.zeros(5, 2), torch.ones(6, 2)
    assert code_discrepancy(x, y) == pytest.approx(1.0)
    assert code_discrepancy(x, x) == pytest.approx(0.0)
    # By hand: distances 1 within, C the median of {1, 9, 16, 4, 9, 1} = 4 (the lower one), pairs in order.
    found = code_discrepancy(torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [4.0]]))
    between = (4 / 13 + 4 / 20 + 4 / 8 + 4 / 13) / 4
    assert found == pytest.approx(4 / 5 + 4 / 5 - 2 * between)
