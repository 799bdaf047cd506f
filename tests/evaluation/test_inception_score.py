import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_fidelity.metric_isc import isc_features_to_metric

from priorkit.evaluation import inception_score


def logits(n: int, classes: int, seed: int) -> torch.Tensor:
    return 3 * torch.randn(n, classes, generator=torch.Generator().manual_seed(seed))


@given(
    n=st.integers(10, 60), classes=st.integers(2, 20), splits=st.sampled_from([1, 2, 5]), seed=st.integers(0, 2**63 - 1)
)
def test_agrees_with_torch_fidelity(n: int, classes: int, splits: int, seed: int) -> None:
    # Splits of unequal lengths are cut elsewhere; all are the same score on average.
    n -= n % splits
    given = logits(n, classes, seed)
    theirs = isc_features_to_metric(given, splits=splits, shuffle=False)
    mean, spread = inception_score(given.double().softmax(1), splits)
    assert mean == pytest.approx(theirs["inception_score_mean"], rel=1e-9)
    assert spread == pytest.approx(theirs["inception_score_std"], abs=1e-9)


def test_sure_and_balanced_samples_have_as_many_as_there_are_classes() -> None:
    sure = torch.eye(7).repeat(30, 1)
    assert inception_score(sure, 10) == (pytest.approx(7.0), pytest.approx(0.0, abs=1e-12))


@pytest.mark.parametrize("collapsed", [torch.eye(7)[:1].repeat(40, 1), torch.full((40, 7), 1 / 7)])
def test_one_class_or_no_class_scores_one(collapsed: torch.Tensor) -> None:
    assert inception_score(collapsed)[0] == pytest.approx(1.0)


def test_a_single_sample_is_one_split() -> None:
    assert inception_score(torch.tensor([[0.3, 0.7]])) == (pytest.approx(1.0), 0.0)
