"""The prior `index-frequencies`."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from priorkit.interfaces import CodeSpace
from priorkit_plugins.index_frequencies.prior import IndexFrequenciesPrior


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(0, 3), added=st.floats(0.01, 2))
def test_it_counts(seed: int, classes: int, added: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(4, (30, 3), generator=generator)
    labels = torch.randint(max(classes, 1), (30,), generator=generator)
    condition = torch.eye(classes)[labels] if classes else None
    prior = IndexFrequenciesPrior(CodeSpace((1, 3), 4), classes=classes, added=added)
    prior.fit_codes(codes, prior.code_noise(30), condition)
    for code, label, said in zip(codes, labels, prior.log_prob(codes, condition), strict=True):
        alike = codes[labels == label]
        shares = [(int((alike[:, i] == code[i]).sum()) + added) / (len(alike) + 4 * added) for i in range(3)]
        assert float(said) == pytest.approx(sum(map(math.log, shares)), rel=1e-4)


def test_samples_follow_the_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    prior = IndexFrequenciesPrior(CodeSpace((1, 2), 3))
    codes = torch.tensor([[0, 2]] * 50 + [[1, 2]] * 30 + [[2, 0]] * 20)
    prior.fit_codes(codes, prior.code_noise(100))
    drawn = prior.sample(5000, generator=generator)
    for place in range(2):
        counts = torch.bincount(drawn[:, place], minlength=3)
        expected = prior.shares[0, place].double()
        assert chisquare(counts.numpy(), (expected / expected.sum() * 5000).numpy()).pvalue > 1e-6


def test_before_it_is_fitted_all_entries_are_alike() -> None:
    prior = IndexFrequenciesPrior(CodeSpace((2, 2), 8))
    found = prior.log_prob(torch.zeros(3, 4, dtype=torch.int64))
    torch.testing.assert_close(found, torch.full((3,), -4 * math.log(8)))


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="is a prior of indices, and codes are maps; use an encoder that gives"):
        IndexFrequenciesPrior(CodeSpace((2, 2, 2)))
    prior = IndexFrequenciesPrior(CodeSpace((2, 2), 8), classes=3)
    with pytest.raises(ValueError, match="depend on the class, and none is given"):
        prior.log_prob(torch.zeros(3, 4, dtype=torch.int64))
