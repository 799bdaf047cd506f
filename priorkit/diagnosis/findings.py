"""Rules that name the faults of a prior from measurements."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from priorkit.diagnosis.code_comparison import CodeComparison

__all__ = ["Fault", "Finding", "name_faults"]

_SHIFT = 0.2
"""Smallest offset of the means that counts as a fault, in deviations of the codes."""
_SCALE = 0.15
"""Smallest root mean square of the logarithms of the deviations' ratios that counts as a fault."""
_CORRELATION = 0.1
_SHARE = 0.05
"""Smallest share of mass, beyond chance, for which holes, missed codes and copies count."""
_COPIED = 0.15
_SHAPE = 0.55
"""Smallest accuracy of the classifier that counts if no other measurement finds a fault."""
_ERRORS = 3
"""Standard errors by which a classifier must beat chance."""
_REPAIRED = 0.4
"""Largest remaining part of a classifier's advantage if means and covariances were at fault."""


class Fault(Enum):
    """A fault of a prior."""

    NONE = "no fault found"
    SHIFT = "shift"
    SCALE = "scale"
    CORRELATION = "correlation"
    MISSED = "missing codes"
    HOLES = "holes"
    COPIES = "copies"
    SHAPE = "shape"


@dataclass(frozen=True)
class Finding:
    """A finding of a diagnosis.

    Attributes:
        fault: The fault.
        sentence: What is wrong, in words and numbers.
        advice: What to try.

    Examples:
        >>> from priorkit.diagnosis import Fault, Finding
        >>> finding = Finding(Fault.SHIFT, "The prior is shifted.", "To try: fit mean and covariance.")
        >>> finding.fault.value
        'shift'
    """

    fault: Fault
    sentence: str
    advice: str


_FLEXIBLE = "fit a flexible prior to the codes (priorkit fit RUN --prior flow-matching)"
_MOMENTS = "fit mean and covariance (priorkit fit RUN --prior full-gaussian)"
_PULL = "or give the regularizer more weight when training"


def name_faults(found: CodeComparison, run: str = "RUN") -> tuple[Finding, ...]:
    """Names the faults of a prior, most important first; returns one finding `Fault.NONE` if there are none.

    If transforming the prior to the codes' mean and covariance makes both hard to distinguish, these moments are the
    fault; holes, missed codes and apparent copies are their consequences and not named. Otherwise the shares of mass
    come first.

    Args:
        found: The comparison.
        run: The name of the run in advice.

    Examples:
        >>> import torch
        >>> from priorkit.diagnosis import compare_codes, name_faults
        >>> codes, prior_codes = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> found = compare_codes(prior_codes + 2, held_out=codes[:100], training=codes[100:])
        >>> name_faults(found, "runs/first")[0].advice
        'To try: fit mean and covariance (priorkit fit runs/first --prior full-gaussian), or ...'
    """
    return tuple(replace(item, advice=item.advice.replace("RUN", shlex.quote(run))) for item in _ranked_findings(found))


def _ranked_findings(found: CodeComparison) -> tuple[Finding, ...]:
    moments = sorted(_moment_faults(found), key=lambda item: -item[0])
    shares = sorted(_share_faults(found), key=lambda item: -item[0])
    if moments and _repaired(found):
        narrow = found.scale < 1 and found.scale_error > _SCALE
        ranked = [*moments, *(item for item in shares if item[1].fault is Fault.COPIES and not narrow)]
    else:
        ranked = [*shares, *moments]
    findings = tuple(finding for _, finding in ranked)
    if findings:
        return findings
    if found.told_apart - 0.5 > _ERRORS * found.told_apart_error and found.told_apart > _SHAPE:
        return (
            Finding(
                Fault.SHAPE,
                f"A classifier tells the prior's codes from the images' codes ({found.told_apart:.2f} right, 0.5 is "
                "chance), though means, deviations and neighbours agree: the shape of the distribution differs.",
                f"To try: {_FLEXIBLE}.",
            ),
        )
    return (
        Finding(
            Fault.NONE,
            f"The prior matches the codes: a classifier gets {found.told_apart:.2f} right, where 0.5 is chance.",
            "What is left to gain lies in the autoencoder: compare samples with reconstructions (priorkit evaluate).",
        ),
    )


def _repaired(found: CodeComparison) -> bool:
    before, after = found.told_apart - 0.5, found.told_apart_aligned - 0.5
    return after <= max(_REPAIRED * before, _ERRORS * found.told_apart_error)


Ranked = Sequence[tuple[float, Finding]]


def _moment_faults(found: CodeComparison) -> Ranked:
    """The faults of the moments, each with its rank: the ratio of its measurement to the threshold."""
    faults: list[tuple[float, Finding]] = []
    if found.shift > _SHIFT:
        worst = int(found.offset.abs().argmax())
        sentence = (
            f"The prior is shifted: its mean lies {found.shift:.2f} deviations of the codes away in a typical "
            f"dimension, {found.offset[worst].abs():.2f} in the worst."
        )
        faults.append((found.shift / _SHIFT, Finding(Fault.SHIFT, sentence, f"To try: {_MOMENTS}, {_PULL}.")))
    if found.scale_error > _SCALE:
        wide = "wide" if found.scale > 1 else "narrow"
        low, high = float(found.ratio.min()), float(found.ratio.max())
        sentence = (
            f"The prior is too {wide}: its deviations are {found.scale:.2f} times the codes' on average "
            f"(from {low:.2f} to {high:.2f})."
        )
        faults.append((found.scale_error / _SCALE, Finding(Fault.SCALE, sentence, f"To try: {_MOMENTS}, {_PULL}.")))
    if found.correlation > _CORRELATION:
        sentence = (
            f"The correlations of the prior's dimensions differ from those of the codes' by {found.correlation:.2f} "
            "(root mean square)."
        )
        finding = Finding(Fault.CORRELATION, sentence, f"To try: {_MOMENTS}, or {_FLEXIBLE}.")
        faults.append((found.correlation / _CORRELATION, finding))
    return faults


def _share_faults(found: CodeComparison) -> Ranked:
    words: Sequence[tuple[Fault, float, float, Callable[[str], str], str]] = (
        (
            Fault.MISSED,
            found.missed,
            _SHARE,
            lambda share: f"The prior misses codes: {share} of the images' codes have no code of the prior near them.",
            f"To try: {_FLEXIBLE}; for a mixture, more components.",
        ),
        (
            Fault.HOLES,
            found.holes,
            _SHARE,
            lambda share: f"The prior has holes: {share} of its mass lies far from every image's code.",
            f"To try: {_FLEXIBLE}, {_PULL}.",
        ),
        (
            Fault.COPIES,
            found.copied,
            _COPIED,
            lambda share: (
                f"The prior repeats training codes: {share} of its mass lies nearer to one than held-out codes ever do."
            ),
            "To try: a wider bandwidth or fewer components, or a prior that is trained for fewer steps.",
        ),
    )
    return [
        (value / least, Finding(fault, sentence(f"{value:.0%}"), advice))
        for fault, value, least, sentence, advice in words
        if value > max(least, _ERRORS * found.share_error)
    ]
