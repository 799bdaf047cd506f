"""Finds the distribution of a prior's noise, so that programs without priorkit can draw it."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from priorkit.exporting.dependent_numbers import dependent_numbers
from priorkit.interfaces import Prior

__all__ = ["NoiseLaw", "NoiseSpan", "noise_law"]

_NORMAL, _UNIFORM, _OTHER = "normal", "uniform", "other"
_WORDS = {
    _NORMAL: "standard normal",
    _UNIFORM: "uniform in [0, 1)",
    _OTHER: "drawn by the prior's own `noise`",
}
_NUMBERS = 2_000_000
"""Maximal number of numbers to draw, if this gives enough draws."""
_DRAWS = 64
"""Minimal number of draws: a standard normal number lies in [0, 1) with a probability of 0.34, never 64 times in a
row."""
_TESTED = 20_000
_SIGNIFICANT = 1e-6


@dataclass(frozen=True)
class NoiseSpan:
    """Neighbouring numbers of a sample's noise, along its last axis, with the same distribution.

    Attributes:
        start: Index of the first number.
        stop: Index of the last number, plus 1.
        distribution: `normal` (mean 0, deviation 1), `uniform` (in [0, 1)), or `other`.
    """

    start: int
    stop: int
    distribution: str


@dataclass(frozen=True)
class NoiseLaw:
    """The shape and the distribution of the noise of one sample, whose numbers are independent.

    Examples:
        >>> from priorkit.exporting import noise_law
        >>> from priorkit.interfaces import Prior
        >>> class CubePrior(Prior):
        ...     def noise(self, n, *, generator=None, device=None):
        ...         return torch.rand(n, 4, generator=generator, device=device)
        ...
        ...     def forward(self, noise, condition=None):
        ...         return 2 * noise - 1
        >>> str(noise_law(CubePrior()))
        'uniform in [0, 1)'

    Attributes:
        shape: The shape of the noise, without the batch.
        spans: Its parts along the last axis, in order.
    """

    shape: tuple[int, ...]
    spans: tuple[NoiseSpan, ...]

    def as_data(self) -> list[dict[str, Any]]:
        """Plain values of the spans for JSON."""
        return [vars(span).copy() for span in self.spans]

    def __str__(self) -> str:
        if len(self.spans) == 1:
            return _WORDS[self.spans[0].distribution]
        return ", ".join(f"[{span.start}:{span.stop}] {_WORDS[span.distribution]}" for span in self.spans)


def noise_law(prior: Prior) -> NoiseLaw:
    """Finds the law of a prior's noise from draws: which numbers are normal, and which uniform.

    Args:
        prior: The prior. Numbers that are neither, or depend on each other, count as `other`.
    """
    # Imported here, because it takes half a second and loading a run imports this module.
    from scipy import stats

    generator = torch.Generator().manual_seed(0)
    shape = tuple(prior.noise(1, generator=generator).shape[1:])
    width = shape[-1] if shape else 1
    draws = max(_DRAWS, min(_TESTED, _NUMBERS // max(1, torch.Size(shape).numel())))
    drawn = prior.noise(draws, generator=generator).reshape(-1, max(1, width)).double()
    if not drawn.numel():
        return NoiseLaw(shape, (NoiseSpan(0, width, _OTHER),))
    inside = ((drawn >= 0) & (drawn < 1)).all(0)
    names = [_UNIFORM if each else _NORMAL for each in inside.tolist()]
    for name, columns, law in ((_UNIFORM, inside, stats.uniform), (_NORMAL, ~inside, stats.norm)):
        if bool(columns.any()) and not _follows(drawn[:, columns], law):
            names = [_OTHER if each == name else each for each in names]
    uniform = torch.where(inside, drawn, torch.special.ndtr(drawn)).reshape(draws, -1)
    dependent = dependent_numbers(uniform).reshape(-1, max(1, width)).any(0).tolist()
    names = [_OTHER if each else name for name, each in zip(names, dependent, strict=True)]
    spans, start = [], 0
    for name, group in groupby(names):
        stop = start + len(list(group))
        spans.append(NoiseSpan(start, stop, name))
        start = stop
    return NoiseLaw(shape, tuple(spans))


def _follows(drawn: Tensor, law: Any) -> bool:
    """Whether numbers may be independent draws from a law, by the Kolmogorov-Smirnov test."""
    from scipy import stats

    numbers = drawn.flatten()
    step = max(1, len(numbers) // _TESTED)
    return bool(stats.kstest(numbers[::step].numpy(), law.cdf).pvalue > _SIGNIFICANT)
