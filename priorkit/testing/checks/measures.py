"""Densities with respect to another measure than the volume of all codes: on spheres, simplices and one-hot codes.

The mean of 1 / density over samples, where only those within a region count, is the region's measure, whatever the
distribution: both the shape of the density and its constant are compared, and nothing has to be integrated.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from priorkit.interfaces import Space, Support

__all__ = ["COUNTED", "VOLUMES", "flat_coordinates", "wrong_frequency", "wrong_measure"]

VOLUMES = (Space.EVERYWHERE, Space.BALL)
"""Where densities are by the volume of all codes, which other checks hold them to."""
COUNTED = (Space.ONE_HOT,)
"""Where densities are probabilities."""

_CELLS = {1: 32, 2: 8}
"""Cells a coordinate."""
_OUTSIDE = 0.02
"""Share of the samples beyond each end of the cells: there, few samples are far apart."""
_TAIL = 6.0
"""Standard errors beyond which an estimate is wrong."""
_ROUGH = 0.1
"""Standard error, as a part of a cell's measure, beyond which it says too little."""


def flat_coordinates(support: Support, code: Tensor) -> Tensor | None:
    """Coordinates of codes (N, code_dim) in which the support's measure is length or area: (N, 1), (N, 2), or None.

    Circles and spheres have them (Archimedes: height and longitude), and simplices of two and of three entries.
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
    """What is wrong with the log-density of samples with such flat coordinates, or nothing.

    Args:
        coordinates: Of N samples, shape (N, 1) or (N, 2).
        log_density: What is said to be theirs, shape (N,).
    """
    coordinates, inverse = coordinates.double(), (-log_density.double()).exp()
    half, cells = len(inverse) // 2, _CELLS[coordinates.shape[1]]
    levels = torch.linspace(_OUTSIDE, 1 - _OUTSIDE, cells + 1, dtype=torch.float64)
    # The cells are made from other samples than those in them: they do not follow them.
    edges = [torch.quantile(axis[:half], levels) for axis in coordinates.T]
    coordinates, inverse = coordinates[half:], inverse[half:]
    for inside, measure in _regions(coordinates, edges):
        found = torch.where(inside, inverse, 0.0)
        mean, error = float(found.mean()), float(found.std()) / len(found) ** 0.5
        if error < _ROUGH * measure and abs(mean - measure) > _TAIL * error + 0.01 * measure:
            return (
                f"in a region of measure {measure:.4g} the mean of 1 / density over its samples is {mean:.4g} +- "
                f"{error:.2g}: the density there is {measure / mean:.3g} times as large as samples are dense"
            )
    return ""


def _regions(coordinates: Tensor, edges: list[Tensor]) -> Iterator[tuple[Tensor, float]]:
    """Every cell: which samples lie in it, and its measure."""
    places = [torch.bucketize(axis.contiguous(), edge) - 1 for axis, edge in zip(coordinates.T, edges, strict=True)]
    widths = [edge.diff() for edge in edges]
    for first in range(len(widths[0])):
        if len(widths) == 1:
            yield places[0] == first, float(widths[0][first])
            continue
        for second in range(len(widths[1])):
            yield (places[0] == first) & (places[1] == second), float(widths[0][first] * widths[1][second])


def wrong_frequency(codes: Tensor, log_probability: Tensor) -> str:
    """What is wrong with the log-probabilities (N,) of draws (N, D) that repeat, or nothing: by six standard errors."""
    number = len(codes)
    distinct, which, counts = torch.unique(codes, dim=0, return_inverse=True, return_counts=True)
    for i in counts.argsort(descending=True)[:5]:
        said = float(log_probability[which == i][0].exp())
        error = (max(said * (1 - said), 0) / number) ** 0.5
        if not abs(float(counts[i]) / number - said) < 6 * error + 3 / number:
            place = [int(value) for value in distinct[i]]
            return f"{place} are drawn in a share of {float(counts[i]) / number:.3g}, and log_prob says {said:.3g}"
    return ""
