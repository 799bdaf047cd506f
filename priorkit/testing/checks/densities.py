"""Checks that a prior's density is normalised and is the density of its samples.

In one and two dimensions, the density is integrated over cells between quantiles of samples, and the masses are
compared with the shares of other samples that fall into the cells. A sound prior fails each chi-square test with a
probability below 1e-7; seeds are fixed, so a check that passes once always passes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import scipy.stats
import torch
from torch import Tensor, nn

from priorkit.interfaces import Prior
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.clipping import labels_with_a_density, piled
from priorkit.testing.checks.measures import VOLUMES
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["DENSITIES"]

_SAMPLES = 20_000
_FINE = {1: 512, 2: 48}
"""Number of quantiles per dimension between which the density is integrated."""
_COARSE = {1: 64, 2: 8}
"""Number of cells per dimension in which samples are counted."""
_POINTS = 4
"""Quadrature points between two edges."""
_DOUBLINGS = 40
"""How often steps double in gaps and tails."""
_FAR = 512
"""How far into the tails the density is integrated, in units of the distance between the outer quantiles."""
_ERROR_RATE = 1e-7
_TOLERANCE = 0.02
"""Allowed error of numeric integrals."""
_OUTSIDE = 5e-4
"""Share of the samples outside the cells, at each end of a dimension."""


@dataclass(frozen=True)
class _Cells:
    """Masses of a density, and counts of samples, in the same cells.

    Attributes:
        total: Integral of the density, far beyond the samples.
        masses: Integrals of the density over the cells, float64, (cells,) * code_dim.
        counts: Numbers of samples in the cells, float64, of the same shape.
        deviations: Standard deviations in each dimension: of the samples, and of the density.
    """

    total: float
    masses: Tensor
    counts: Tensor
    deviations: tuple[list[float], list[float]]


def _prior_with_density(subject: PriorSubject, *, most: int) -> Prior:
    """Returns the prior, if it has a density in at most `most` dimensions."""
    prior = subject.component()
    if not prior.has_density:
        raise NotApplicable("it has no density")
    if subject.of_indices:
        raise NotApplicable("its codes are indices, which have probabilities")
    if prior.support.space not in VOLUMES:
        raise NotApplicable("its density is with respect to another measure than volume; another check covers it")
    if subject.code_dim > most:
        raise NotApplicable("densities are integrated only in one and two dimensions")
    return prior


def _edges(quantiles: Tensor) -> Tensor:
    """Returns the given quantiles, float64 (intervals + 1,), with additional edges in gaps and tails.

    Quantiles are close together where there are many samples. In gaps and tails, edges are added in steps that double,
    beginning with the length of the last interval within the mode.
    """
    widths = quantiles.diff().clamp(min=1e-9 * float(quantiles[-1] - quantiles[0]))
    doubled = 2.0 ** torch.arange(_DOUBLINGS, dtype=torch.float64)
    lower, upper = quantiles[1:-2, None], quantiles[2:-1, None]
    middle = (lower + upper) / 2
    rising, falling = lower + widths[:-2, None] * doubled, upper - widths[2:, None] * doubled
    far = _FAR * float(quantiles[-1] - quantiles[0])
    below, above = quantiles[0] - widths[0] * doubled, quantiles[-1] + widths[-1] * doubled
    tails = [below[quantiles[0] - below < far], above[above - quantiles[-1] < far]]
    edges: Tensor = torch.cat([quantiles, rising[rising < middle], falling[falling > middle], *tails]).sort().values
    return edges


def _quadrature(edges: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Returns Gauss-Legendre points between the edges, and their weights: float64 (intervals * number,)."""
    nodes, weights = (torch.from_numpy(array) for array in np.polynomial.legendre.leggauss(number))
    widths = edges.diff()[:, None]
    return (edges[:-1, None] + widths * (nodes + 1) / 2).flatten(), (widths * weights / 2).flatten()


def _masses(
    subject: PriorSubject, prior: Prior, label: int | None, quantiles: Sequence[Tensor], number: int
) -> tuple[Sequence[Tensor], Tensor]:
    """Returns grid points in each dimension, `number` between two edges, and the mass of the density at each."""
    points, weights = zip(*(_quadrature(_edges(axis), number) for axis in quantiles), strict=True)
    grid = torch.cartesian_prod(*points).view(-1, subject.code_dim)
    volumes = torch.cartesian_prod(*weights).view(-1, subject.code_dim).prod(dim=1)
    masses = subject.log_density(prior, grid.float(), label).exp() * volumes
    require(
        bool(masses.isfinite().all()),
        "log_prob is infinite or not a number between and around samples",
        "a logarithm, root or quotient of 0 is taken, or an exponential overflows",
        "compute in the log domain; clamp arguments, not results",
    )
    return points, masses.view([len(axis) for axis in points])


def _cells(subject: PriorSubject, prior: Prior, label: int | None) -> _Cells:
    dim, seed = subject.code_dim, subject.case.seed
    drawn, placed = (subject.draw(prior, _SAMPLES, seed + k, label).double() for k in (1, 2))
    if piled(drawn) is not None:
        raise NotApplicable("its samples are clipped")
    levels = torch.linspace(_OUTSIDE, 1 - _OUTSIDE, _FINE[dim] + 1, dtype=torch.float64)
    quantiles = [torch.quantile(drawn[:, i], levels) for i in range(dim)]
    points, masses = _masses(subject, prior, label, quantiles, _POINTS)
    rough = float(_masses(subject, prior, label, quantiles, _POINTS - 1)[1].sum())
    if not abs(rough / float(masses.sum()) - 1) < _TOLERANCE / 10:
        raise NotApplicable("its density is too narrow to be integrated over a grid")
    # Cells lie between every few quantiles; values below the first or above the last are in no cell.
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
    """Returns the standard deviation of a density in each dimension, from its masses on a grid."""
    found = []
    for i, axis in enumerate(points):
        marginal = masses.sum(dim=[j for j in range(len(points)) if j != i]) if len(points) > 1 else masses
        shares = marginal / marginal.sum()
        found.append(float((shares * (axis - (shares * axis).sum()).square()).sum().sqrt()))
    return found


def _normaliser_in_words(total: float, dim: int, parts: int) -> tuple[str, str]:
    """Returns the likely cause of an integral that is not 1, and its fix; empty if unknown."""
    known = [
        (math.tau ** (dim / 2), "the normaliser (2 pi)^(-D/2) of a Gaussian is missing", "subtract D/2 log(2 pi)"),
        (math.tau ** (-dim / 2), "the normaliser of a Gaussian is subtracted twice", "subtract D/2 log(2 pi) once"),
        (2.0**dim, "a factor 2 is missing in every dimension", "subtract D log 2"),
    ]
    if dim > 1:
        cause = "the normaliser log(2 pi) / 2 is subtracted for too few dimensions"
        known.append((math.tau ** ((dim - 1) / 2), cause, "subtract it for each"))
    if parts > 1:
        cause = f"the densities of its {parts} components are added up without weights"
        fix = "add the log-weights, or subtract the logarithm of their number, before or after the logsumexp"
        known.append((float(parts), cause, fix))
    constant, cause, fix = min(known, key=lambda item: abs(total / item[0] - 1))
    return (cause, fix) if abs(total / constant - 1) < 2 * _TOLERANCE else ("", "")


def densities_normalise(subject: PriorSubject) -> None:
    """In one and two dimensions, the density integrates to 1, for each class."""
    prior = _prior_with_density(subject, most=2)
    for label in labels_with_a_density(subject, prior):
        total = _cells(subject, prior, label).total
        if not abs(total - 1) < _TOLERANCE:
            cause, fix = _normaliser_in_words(total, subject.code_dim, prior.clusters)
            words = "" if label is None else f" of class {label}"
            raise Defect(f"the density{words} integrates to {total:.4g}, not to 1", cause, fix)


def _distance(counts: Tensor, masses: Tensor) -> float:
    """Returns the p-value of the counts, given the masses; cells with small expected counts are merged."""
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
    """In one and two dimensions, samples follow the density, for each class."""
    prior = _prior_with_density(subject, most=2)
    for label in labels_with_a_density(subject, prior):
        cells = _cells(subject, prior, label)
        value = _distance(cells.counts, cells.masses)
        if value <= _ERROR_RATE:
            _explain(cells, "" if label is None else f" of class {label}", value)


def _explain(cells: _Cells, words: str, value: float) -> NoReturn:
    """Raises a Defect that says how samples and density differ."""
    for i, (sampled, dense) in enumerate(zip(*cells.deviations, strict=True)):
        found = f"samples{words} have deviation {sampled:.3g} in dimension {i}, but the density has {dense:.3g}"
        close = 0.1 * max(sampled, dense)
        if abs(sampled - dense) > close and min(abs(sampled**2 - dense), abs(dense**2 - sampled)) < close:
            raise Defect(
                found,
                "the variance is used instead of the standard deviation, or the other way round",
                "take the square root, or square; exp(log_variance / 2) is the standard deviation",
            )
        if abs(sampled - dense) > close:
            raise Defect(f"{found} (chi-square test: p = {value:.1g})")
    raise Defect(f"samples{words} do not follow the density (chi-square test of {_SAMPLES} samples: p = {value:.1g})")


def dimensions_are_summed_first(subject: PriorSubject) -> None:
    """If the dimensions of samples depend on each other, as in a mixture, they do so in the density, too."""
    prior = _prior_with_density(subject, most=2)
    if subject.code_dim != 2:
        raise NotApplicable("it is checked only in two dimensions")
    cells = _cells(subject, prior, labels_with_a_density(subject, prior)[0])
    masses = cells.masses / cells.masses.sum()
    independent = masses.sum(1, keepdim=True) * masses.sum(0, keepdim=True)
    counted = cells.counts / cells.counts.sum()
    if _distance(cells.counts, counted.sum(1, keepdim=True) * counted.sum(0, keepdim=True)) > _ERROR_RATE:
        raise NotApplicable("the dimensions of its samples are independent")
    require(
        float((masses - independent).abs().sum()) > 1e-3,
        "the dimensions of samples depend on each other, but the density is a product of one-dimensional densities"
        + (f" (it is a mixture of {prior.clusters} components)" if prior.clusters else ""),
    )


DENSITIES = (
    Check(
        "densities_normalise",
        densities_normalise,
        "a constant of the density is missing or wrong, such as the log of a scale or of the number of components",
        "write down the density with all its factors, and take the logarithm of each",
        required=False,
    ),
    Check(
        "samples_follow_the_density",
        samples_follow_the_density,
        "forward and log_prob disagree: only one of them has a shift, a scale or a weight",
        "compare both with the same distribution of torch.distributions",
        required=False,
    ),
    Check(
        "dimensions_are_summed_first",
        dimensions_are_summed_first,
        "the logsumexp over components is taken before the sum over dimensions",
        "sum each component's log-density over dimensions first, then take the logsumexp over components",
        required=False,
    ),
)
