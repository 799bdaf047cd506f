"""How a prior's codes differ from the encoder's, in numbers."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree
from scipy.stats import norm
from torch import Tensor

from priorkit.diagnosis import compare_codes
from priorkit.errors import ConfigurationError

Planted = Callable[..., tuple[Tensor, Tensor, Tensor]]


def test_moments_are_those_of_the_codes(planted: Planted) -> None:
    prior, held_out, training = planted("shift")
    found = compare_codes(prior, held_out, training)
    deviation = training.double().std(0)
    offset = (prior.double().mean(0) - training.double().mean(0)) / deviation
    torch.testing.assert_close(found.offset, offset)
    torch.testing.assert_close(found.ratio, prior.double().std(0) / deviation)
    assert found.shift == pytest.approx(float(np.sqrt(np.mean(np.square(offset.numpy())))))
    expected = np.linalg.eigvalsh(np.cov(training.double().numpy().T))[::-1]
    np.testing.assert_allclose(found.spectrum.numpy(), expected)


def test_distances_are_to_the_nearest_training_code(planted: Planted) -> None:
    prior, held_out, training = (codes.double() for codes in planted("wide"))
    found = compare_codes(prior, held_out, training)
    unit = training.std(0)
    distances, places = KDTree((training / unit).numpy()).query((prior / unit).numpy())
    np.testing.assert_allclose(found.distances.numpy(), distances, rtol=1e-6)
    np.testing.assert_array_equal(found.nearest.numpy(), places)


def test_the_share_of_holes_is_the_mass_without_codes() -> None:
    """In one dimension: codes fill [0, 1], and a third of the prior's mass lies beyond."""
    generator = torch.Generator().manual_seed(0)
    prior, held_out, training = torch.rand(3, 1500, 1, generator=generator)
    found = compare_codes(1.5 * prior, held_out, training)
    assert found.holes == pytest.approx(1 / 3, abs=0.04)
    reverse = compare_codes(prior / 1.5, held_out, training)
    assert reverse.missed == pytest.approx(1 / 3, abs=0.04)
    assert reverse.holes < 3 * reverse.share_error


def test_alike_codes_are_alike(planted: Planted) -> None:
    found = compare_codes(*planted("no fault found"))
    assert abs(found.told_apart - 0.5) < 3 * found.told_apart_error
    for share in (found.holes, found.missed, found.copied):
        assert share < 3 * found.share_error
    assert found.correlation < 0.05
    assert found.shift < 3 * math.sqrt(2 / 600)


def test_alignment_leaves_only_what_moments_do_not_say(planted: Planted) -> None:
    gaussian = compare_codes(*planted("wide"))
    assert gaussian.told_apart > 0.65
    assert abs(gaussian.told_apart_aligned - 0.5) < 3 * gaussian.told_apart_error
    assert compare_codes(*planted("holes")).told_apart_aligned > 0.7


def test_the_classifier_is_about_as_good_as_can_be() -> None:
    """Two normal distributions a deviation apart: the best rule is right with probability Phi(1/2)."""
    generator = torch.Generator().manual_seed(0)
    first, second, third = torch.randn(3, 2000, 1, generator=generator)
    found = compare_codes(first + 1, second, third)
    assert found.told_apart == pytest.approx(float(norm.cdf(0.5)), abs=0.05)


def test_dimensions_that_do_not_vary_are_counted(planted: Planted) -> None:
    prior, held_out, training = (torch.cat([codes, torch.full((len(codes), 2), 3.0)], 1) for codes in planted("shift"))
    found = compare_codes(prior, held_out, training)
    assert found.still == 2
    assert len(found.offset) == len(found.ratio) == 4
    assert found.as_data()["told_apart"] == found.told_apart


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ((torch.zeros(5, 2), torch.zeros(30, 2), torch.zeros(30, 2)), "5 prior codes are too few to compare"),
        ((torch.zeros(30, 2), torch.zeros(30, 2), torch.zeros(30, 2)), "all codes are the same"),
        ((torch.rand(30, 3), torch.rand(30, 2), torch.rand(30, 2)), "the same dimensions, not 3 .* 2 .* and 2"),
        ((torch.full((30, 2), math.nan), torch.rand(30, 2), torch.rand(30, 2)), "30 of 30 prior codes are infinite or"),
    ],
)
def test_what_cannot_be_compared_is_refused(codes: tuple[Tensor, Tensor, Tensor], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        compare_codes(*codes)
