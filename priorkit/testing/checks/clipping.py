"""Checks that a prior with a density does not clip its samples."""

from collections.abc import Sequence

from torch import Tensor

from priorkit.interfaces import Prior, Space
from priorkit.testing.check import Check, Defect, NotApplicable
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["CLIPPING", "labels_with_a_density", "piled"]

_SAMPLES = 20_000
_PILED = 10
"""In float32, some samples of a continuous distribution are equal, but not this many share the largest value."""


def labels_with_a_density(subject: PriorSubject, prior: Prior) -> Sequence[int | None]:
    """Returns the classes that have densities; [0] for other conditions, [None] without a condition."""
    return range(subject.classes or 1) if prior.takes_condition else [None]


def piled(drawn: Tensor, least: int = _PILED) -> tuple[int, float, int] | None:
    """Finds a dimension of samples (N, code_dim) whose largest or smallest value is shared by at least `least` samples.

    Returns:
        The dimension, the value and the number of samples; None if there is no such dimension.
    """
    for i, values in enumerate(drawn.unbind(dim=1)):
        for end in (float(values.max()), float(values.min())):
            count = int((values == end).sum())
            if count >= least:
                return i, end, count
    return None


def samples_are_not_clipped(subject: PriorSubject) -> None:
    """Samples do not pile up at the largest or smallest value of a dimension, as clipped samples do."""
    prior = subject.component()
    if not prior.has_density:
        raise NotApplicable("it has no density")
    if subject.of_indices:
        raise NotApplicable("its codes are indices, which have probabilities")
    if prior.support.space is Space.ONE_HOT:
        raise NotApplicable("its codes are one-hot")
    for label in labels_with_a_density(subject, prior):
        found = piled(subject.draw(prior, _SAMPLES, subject.case.seed + 1, label))
        if found is not None:
            dimension, value, count = found
            words = "" if label is None else f" of class {label}"
            raise Defect(
                f"{count} of {_SAMPLES} samples{words} are exactly {value:.4g} in dimension {dimension}, and none lies "
                "beyond"
            )


CLIPPING = (
    Check(
        "samples_are_not_clipped",
        samples_are_not_clipped,
        "forward clips noise or codes (clamp, clip, hardtanh), but log_prob is the density of unclipped codes",
        "do not clip; or sample the truncated distribution by inverting its distribution function, and return its "
        "density from log_prob",
        required=False,
    ),
)
