"""Standardisation of codes to mean 0 and deviation 1, and its inverse."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import AffineTransform, Independent, Normal, TransformedDistribution

from priorkit.interfaces import CodeSpace, Standardisation


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), shape=st.sampled_from([(3,), (2, 2, 3)]))
def test_codes_are_standardised_and_come_back(seed: int, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(seed)
    space = CodeSpace(shape)
    scale = torch.rand(space.dim, generator=generator).double() * 10 + 0.1
    codes = torch.randn(500, space.dim, generator=generator).double() * scale + 100 * scale
    standardisation = Standardisation(space).double()
    standardisation.set(codes.mean(0), codes.std(0, correction=0))
    standard = standardisation(codes)
    grouped = standard.view(500, shape[0], -1)
    torch.testing.assert_close(grouped.mean((0, 2)), torch.zeros(shape[0]).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(grouped.std((0, 2), correction=0), torch.ones(shape[0]).double())
    torch.testing.assert_close(standardisation.inverse(standard), codes)


def test_densities_change_by_the_volume() -> None:
    standardisation = Standardisation(CodeSpace((3,)))
    standardisation.set(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, 2.0, 4.0]))
    normal = Normal(torch.zeros(3), torch.ones(3))
    transformed = TransformedDistribution(normal, AffineTransform(standardisation.mean, standardisation.deviation))
    code = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    found = normal.log_prob(standardisation(code)).sum(1) - standardisation.log_volume()
    torch.testing.assert_close(found, Independent(transformed, 1).log_prob(code))


def test_a_constant_dimension_is_shifted_only() -> None:
    standardisation = Standardisation(CodeSpace((2,)))
    standardisation.set(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 0.0]))
    assert standardisation(torch.tensor([[3.0, 5.0]])).tolist() == [[1.0, 0.0]]
    all_constant = Standardisation(CodeSpace((2,)))
    all_constant.set(torch.tensor([1.0, 5.0]), torch.zeros(2))
    assert all_constant.deviation.tolist() == [1.0, 1.0]


def test_it_is_saved_and_weights_without_it_load() -> None:
    standardisation = Standardisation(CodeSpace((2,)))
    standardisation.set(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 3.0]))
    other = Standardisation(CodeSpace((2,)))
    other.load_state_dict(standardisation.state_dict())
    assert other.deviation.tolist() == [2.0, 3.0]
    other.load_state_dict({})
    assert (other.mean.tolist(), other.deviation.tolist()) == ([0.0, 0.0], [1.0, 1.0])


def test_indices_have_no_scale() -> None:
    with pytest.raises(AssertionError, match="indices have no scale"):
        Standardisation(CodeSpace((2, 2), entries=4)).set(torch.zeros(4), torch.ones(4))
