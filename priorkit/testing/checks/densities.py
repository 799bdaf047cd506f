"""Whether a prior's log-density is one, and that of its samples.

In one and two dimensions the density is integrated over cells between quantiles of samples, and the masses are compared
with the shares of other samples that fall into them. Samples are compared by chi-square tests that a sound prior fails
with a probability below 1e-7 each; seeds are fixed, so that a check that passes goes on passing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
import torch
from torch import Tensor, nn

from priorkit.interfaces import Prior
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["DENSITIES"]

_SAMPLES = 20_000
_FINE = {1: 512, 2: 48}
"""Quantiles a dimension between which the density is integrated."""
_COARSE = {1: 64, 2: 8}
"""Cells a dimension in which samples are counted."""
_POINTS = 4
"""Points between two edges."""
_DOUBLINGS = 8
"""Beyond the quantiles, steps from 1/256 of their distance to 256 times it."""
_ERROR_RATE = 1e-7
_TOLERANCE = 0.02
"""How far an integral may be from its value, for the numeric error."""
_OUTSIDE = 5e-4
"""Share of the samples beyond each end of a dimension's cells."""


@dataclass(frozen=True)
class _Cells:
    """Masses of a density and counts of samples in the same cells.

    Attributes:
        total: The integral of the density, far beyond the samples.
        masses: Its integrals over the cells, float64, (cells,) * code_dim.
        counts: Numbers of samples in them, float64, of the same shape.
        deviations: Standard deviations of the samples, and of the density, for each dimension.
    """

    total: float
    masses: Tensor
    counts: Tensor
    deviations: tuple[list[float], list[float]]


def _prior_with_density(subject: PriorSubject) -> tuple[Prior, int | None]:
    prior = subject.component()
    if not prior.has_density:
        raise NotApplicable("it has no density")
    return prior, 1 if prior.takes_condition else None


def _edges(quantiles: Tensor) -> Tensor:
    """Between quantiles, float64 (intervals + 1,), as many steps of one width; beyond, steps that double.

    Quantiles are close where samples are many; even steps cover the gaps between modes, and those that double tails.
    """
    low, high = quantiles[0], quantiles[-1]
    even = torch.linspace(float(low), float(high), len(quantiles), dtype=torch.float64)
    beyond = (high - low) * (2.0 ** torch.arange(-_DOUBLINGS, _DOUBLINGS + 1, dtype=torch.float64))
    edges: Tensor = torch.cat([low - beyond, quantiles, even, high + beyond]).sort().values
    return edges


def _quadrature(edges: Tensor) -> tuple[Tensor, Tensor]:
    """Gauss and Legendre's points between edges, and their weights: float64 (intervals * points,)."""
    nodes, weights = (torch.from_numpy(array) for array in np.polynomial.legendre.leggauss(_POINTS))
    widths = edges.diff()[:, None]
    return (edges[:-1, None] + widths * (nodes + 1) / 2).flatten(), (widths * weights / 2).flatten()


def _cells(subject: PriorSubject) -> _Cells:
    prior, label = _prior_with_density(subject)
    dim, seed = subject.code_dim, subject.case.seed
    if dim > 2:
        raise NotApplicable("densities are integrated in one and two dimensions")
    drawn, placed = (subject.draw(prior, _SAMPLES, seed + k, label).double() for k in (1, 2))
    levels = torch.linspace(_OUTSIDE, 1 - _OUTSIDE, _FINE[dim] + 1, dtype=torch.float64)
    quantiles = [torch.quantile(drawn[:, i], levels) for i in range(dim)]
    points, weights = zip(*(_quadrature(_edges(axis)) for axis in quantiles), strict=True)
    grid = torch.cartesian_prod(*points).view(-1, dim)
    volumes = torch.cartesian_prod(*weights).view(-1, dim).prod(dim=1)
    masses = (subject.log_density(prior, grid.float(), label).exp() * volumes).view([len(axis) for axis in points])
    # The cells lie between every few quantiles; what is below the first or above the last is in none.
    cells, places, coarse = masses, [], _COARSE[dim]
    for i in range(dim):
        borders = quantiles[i][:: _FINE[dim] // coarse].contiguous()
        inside = nn.functional.one_hot(torch.bucketize(points[i], borders), coarse + 2).double()[:, 1:-1]
        cells = torch.tensordot(cells, inside, dims=([0], [0]))
        places.append(torch.bucketize(placed[:, i].contiguous(), borders) - 1)
    kept = torch.stack(places)
    kept = kept[:, ((kept >= 0) & (kept < coarse)).all(dim=0)]
    index = kept[0] * coarse + kept[1] if dim == 2 else kept[0]
    counts = torch.bincount(index, minlength=coarse**dim).double().view(cells.shape)
    return _Cells(float(masses.sum()), cells, counts, (placed.std(dim=0).tolist(), _deviations(masses, points)))


def _deviations(masses: Tensor, points: Sequence[Tensor]) -> list[float]:
    """The standard deviation of a density in each dimension, from its masses at points of a grid."""
    found = []
    for i, axis in enumerate(points):
        marginal = masses.sum(dim=[j for j in range(len(points)) if j != i]) if len(points) > 1 else masses
        shares = marginal / marginal.sum()
        found.append(float((shares * (axis - (shares * axis).sum()).square()).sum().sqrt()))
    return found


def _normaliser_in_words(total: float, dim: int, parts: int) -> tuple[str, str]:
    """The likely cause of an integral that is not 1, and how to mend it."""
    known = {
        math.tau ** (dim / 2): ("the normaliser (2 pi)^(-D/2) of a Gaussian is missing", "subtract D/2 log(2 pi)"),
        math.tau ** (1 / 2): (
            "the normaliser log(2 pi) / 2 is subtracted for too few dimensions",
            "subtract it for each",
        ),
        math.tau ** (-dim / 2): ("the normaliser of a Gaussian is subtracted twice", "subtract D/2 log(2 pi) once"),
        2.0**dim: ("a factor 2 is missing in every dimension", "subtract D log 2"),
    }
    if parts:
        known[float(parts)] = (
            f"the densities of its {parts} parts are added up without their weights",
            "add the log-weights, or subtract the logarithm of their number, before or after the logsumexp",
        )
    for constant, words in known.items():
        if abs(total / constant - 1) < 3 * _TOLERANCE:
            return words
    return "", ""


def densities_normalise(subject: PriorSubject) -> None:
    """In one and two dimensions the density integrates to 1."""
    prior, _ = _prior_with_density(subject)
    cells = _cells(subject)
    if not abs(cells.total - 1) < _TOLERANCE:
        cause, fix = _normaliser_in_words(cells.total, subject.code_dim, prior.clusters)
        raise Defect(f"the density integrates to {cells.total:.4g}, not to 1", cause, fix)


def _distance(counts: Tensor, masses: Tensor) -> float:
    """The p-value of the counts under the masses, cells in which few are expected taken together."""
    expected = (masses / masses.sum() * counts.sum()).flatten()
    found = counts.flatten()
    rare = expected < 10
    if rare.any():
        expected = torch.cat([expected[~rare], expected[rare].sum()[None]])
        found = torch.cat([found[~rare], found[rare].sum()[None]])
        if expected[-1] < 10 and len(expected) > 1:
            expected = torch.cat([expected[:-2], expected[-2:].sum()[None]])
            found = torch.cat([found[:-2], found[-2:].sum()[None]])
    if len(expected) < 2:
        return 0.0
    return float(scipy.stats.chisquare(found.numpy(), (expected * found.sum() / expected.sum()).numpy()).pvalue)


def samples_follow_the_density(subject: PriorSubject) -> None:
    """In one and two dimensions samples are where the density says that they are."""
    cells = _cells(subject)
    value = _distance(cells.counts, cells.masses)
    if value > _ERROR_RATE:
        return
    for i, (sampled, dense) in enumerate(zip(*cells.deviations, strict=True)):
        words = f"samples deviate by {sampled:.3g} in dimension {i}, and the density says {dense:.3g}"
        close = 0.1 * max(sampled, dense)
        if abs(sampled - dense) > close and min(abs(sampled**2 - dense), abs(dense**2 - sampled)) < close:
            raise Defect(
                words,
                "the variance is used where the standard deviation belongs, or the other way round",
                "take the square root, or square; exp(log_variance / 2) is the standard deviation",
            )
        if abs(sampled - dense) > close:
            raise Defect(f"{words} (chi-square test: p = {value:.1g})")
    raise Defect(f"samples are not where the density is (chi-square test of {_SAMPLES} samples: p = {value:.1g})")


def dimensions_are_summed_first(subject: PriorSubject) -> None:
    """Where the dimensions of samples depend on each other, as in a mixture, so does the density."""
    prior, _ = _prior_with_density(subject)
    if subject.code_dim != 2:
        raise NotApplicable("it is looked at in two dimensions")
    cells = _cells(subject)
    masses = cells.masses / cells.masses.sum()
    independent = masses.sum(1, keepdim=True) * masses.sum(0, keepdim=True)
    counted = cells.counts / cells.counts.sum()
    if _distance(cells.counts, counted.sum(1, keepdim=True) * counted.sum(0, keepdim=True)) > _ERROR_RATE:
        raise NotApplicable("the dimensions of its samples are independent")
    apart = float((masses - independent).abs().sum())
    require(
        apart > 1e-3,
        "the dimensions of samples depend on each other, and the density is a product of its dimensions' densities"
        + (f" (it is a mixture of {prior.clusters} parts)" if prior.clusters else ""),
    )


def joint_densities(subject: PriorSubject) -> None:
    """`distribution`, where there is one, has codes as its events and the density of `log_prob`."""
    prior, _ = _prior_with_density(subject)
    try:
        distribution = prior.distribution()
    except TypeError as error:
        raise NotApplicable("it is none of torch.distributions' distributions") from error
    require(
        tuple(distribution.event_shape) == (subject.code_dim,),
        f"the event shape of distribution() is {tuple(distribution.event_shape)}, not ({subject.code_dim},)",
        "its dimensions are separate distributions",
        "make them one by torch.distributions.Independent(..., 1)",
    )
    code = subject.inputs(prior, 16, subject.case.seed)["code"]
    with torch.no_grad():
        expected, found = distribution.log_prob(code), prior.log_prob(code)
    require(
        torch.allclose(found, expected, rtol=1e-4, atol=1e-4),
        f"log_prob and distribution().log_prob are up to {float((found - expected).abs().max()):.3g} nats apart",
    )


DENSITIES = (
    Check(
        "densities_normalise",
        densities_normalise,
        "a constant of the density is missing or wrong, such as the logarithm of a scale or of the number of parts",
        "write down the density with all its factors, and take the logarithm of each",
        required=False,
    ),
    Check(
        "samples_follow_the_density",
        samples_follow_the_density,
        "forward and log_prob disagree: a shift, a scale or a weight is in one of them alone",
        "compare both with the same distribution of torch.distributions",
        required=False,
    ),
    Check(
        "dimensions_are_summed_first",
        dimensions_are_summed_first,
        "the logsumexp over the parts is taken before the sum over the dimensions",
        "sum each part's log-densities over the dimensions first, then take the logsumexp over the parts",
        required=False,
    ),
    Check(
        "joint_densities",
        joint_densities,
        "distribution() has other parameters than log_prob",
        "compute one by the other",
        required=False,
    ),
)
