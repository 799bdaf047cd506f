"""Tests of densities with respect to another measure than volume: on spheres, simplices and one-hot codes.

For any distribution, the mean over samples of 1 / density, counted only inside a region, is the measure of the region.
This tests both the shape and the constant of the density, without integration.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.interfaces import Space, Support

__all__ = ["COUNTED", "VOLUMES", "flat_coordinates", "wrong_frequency", "wrong_measure"]

VOLUMES = (Space.EVERYWHERE, Space.BALL)
"""Supports with densities with respect to volume, which other checks cover."""
COUNTED = (Space.ONE_HOT,)
"""Supports with probabilities in place of densities."""

_CELLS = {1: 32, 2: 8}
"""Number of cells per coordinate."""
_OUTSIDE = 0.02
"""Share of the samples outside the cells at each end, where samples are sparse."""
_TAIL = 6.0
"""Number of standard errors beyond which an estimate counts as wrong."""
_ROUGH = 0.1
"""Standard error, relative to a cell's measure, beyond which an estimate is too imprecise to judge."""


def flat_coordinates(support: Support, code: Tensor) -> Tensor | None:
    """Returns coordinates of codes (N, code_dim) in which the support's measure is length (N, 1) or area (N, 2).

    Circles and spheres have such coordinates (Archimedes: height and longitude), and simplices of two and three
    entries. Returns None for other supports.
    """
    dim = code.shape[1]
    if support.space is Space.SPHERE and dim == 2:
        return torch.atan2(code[:, 1], code[:, 0])[:, None]
    if support.space is Space.SPHERE and dim == 3:
        return torch.stack([code[:, 2], torch.atan2(code[:, 1], code[:, 0])], dim=1)
    if support.space is Space.SIMPLEX and support.groups == 1 and dim == 2:
        return code[:, :1]
    if support.space is Space.SIMPLEX and support.groups == 1 and dim == 3:
        first, second = code[:, 0], code[:, 1]
        return torch.stack([first - first.square() / 2, second / (1 - first).clamp(min=1e-30)], dim=1)
    return None


def wrong_measure(coordinates: Tensor, log_density: Tensor) -> str:
    """Compares a log-density with samples; returns the difference in words, or an empty text.

    Args:
        coordinates: Flat coordinates of N samples, shape (N, 1) or (N, 2).
        log_density: The log-density of the samples, shape (N,).
    """
    coordinates, inverse = coordinates.double(), (-log_density.double()).exp()
    half, cells = len(inverse) // 2, _CELLS[coordinates.shape[1]]
    levels = torch.linspace(_OUTSIDE, 1 - _OUTSIDE, cells + 1, dtype=torch.float64)
    # Cells are made from other samples than those that are counted, so they do not adapt to them.
    edges = [torch.quantile(axis[:half], levels) for axis in coordinates.T]
    coordinates, inverse = coordinates[half:], inverse[half:]
    for inside, measure in _regions(coordinates, edges):
        found = torch.where(inside, inverse, 0.0)
        mean, error = float(found.mean()), float(found.std()) / len(found) ** 0.5
        if error < _ROUGH * measure and abs(mean - measure) > _TAIL * error + 0.01 * measure:
            return (
                f"in a region of measure {measure:.4g} the mean of 1 / density over samples is {mean:.4g} +- "
                f"{error:.2g}: the density there is {measure / mean:.3g} times that of the samples"
            )
    return ""


def _regions(coordinates: Tensor, edges: list[Tensor]) -> Iterator[tuple[Tensor, float]]:
    """Yields for each cell which samples lie in it, and its measure."""
    places = [torch.bucketize(axis.contiguous(), edge) - 1 for axis, edge in zip(coordinates.T, edges, strict=True)]
    widths = [edge.diff() for edge in edges]
    for first in range(len(widths[0])):
        if len(widths) == 1:
            yield places[0] == first, float(widths[0][first])
            continue
        for second in range(len(widths[1])):
            yield (places[0] == first) & (places[1] == second), float(widths[0][first] * widths[1][second])


def wrong_frequency(codes: Tensor, log_probability: Tensor) -> str:
    """Compares log-probabilities (N,) with the frequencies of draws (N, D); returns a difference in words.

    A difference is more than six standard errors; without one, the text is empty.
    """
    number = len(codes)
    distinct, which, counts = torch.unique(codes, dim=0, return_inverse=True, return_counts=True)
    for i in counts.argsort(descending=True)[:5]:
        said = float(log_probability[which == i][0].exp())
        error = (max(said * (1 - said), 0) / number) ** 0.5
        if not abs(float(counts[i]) / number - said) < 6 * error + 3 / number:
            place = [int(value) for value in distinct[i]]
            return f"{place} are drawn with frequency {float(counts[i]) / number:.3g}, but log_prob says {said:.3g}"
    return ""
