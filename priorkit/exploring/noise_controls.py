"""Sliders for the prior's noise: its distribution, and the numbers that change images most."""

from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.exporting import NoiseLaw, noise_law
from priorkit.models import Model

__all__ = ["NoiseControls", "noise_controls"]

_BASES = 4
"""Number of samples around which the effect of each number is measured."""
_MOST_MEASURED = 128
_DRAWN = 32
"""Number of draws to store of noise that browsers cannot draw."""


@dataclass(frozen=True)
class NoiseControls:
    """The noise of one sample, flat.

    Attributes:
        law: The noise's shape and distribution.
        order: Indices of the numbers with sliders, those with the largest effect on the image first.
        drawn: Draws, float32 (32, numbers), if browsers cannot draw some of the numbers; otherwise None.
    """

    law: NoiseLaw
    order: tuple[int, ...]
    drawn: Tensor | None


def noise_controls(model: Model, seed: int) -> NoiseControls:
    """Finds the law of a prior's noise, and the numbers that change the image most.

    Args:
        model: The model.
        seed: Seed of the samples around which the numbers are changed.
    """
    law = noise_law(model.prior)
    width = law.shape[-1] if law.shape else 1
    names = [span.distribution for span in law.spans for _ in range(span.start, span.stop)]
    numbers = torch.Size(law.shape).numel()
    laws = [names[place % width] for place in range(numbers)]
    known = [place for place, name in enumerate(laws) if name != "other"]
    drawn = None
    if len(known) < numbers:
        drawn = model.prior.noise(_DRAWN, generator=torch.Generator().manual_seed(seed)).flatten(1)
    effects = _effects(model, known[:_MOST_MEASURED], laws, seed)
    order = sorted(effects, key=lambda place: -effects[place])
    return NoiseControls(law, tuple(order), drawn)


def _effects(model: Model, places: list[int], laws: list[str], seed: int) -> dict[int, float]:
    """Returns each number's effect: the mean absolute change of pixels when it changes by a standard deviation."""
    noise = model.noise(_BASES, seed)
    condition = model.conditions(_BASES, seed) if model.condition is not None else None
    before = model.decode(model.codes_of(noise, condition), from_prior=True)
    if not places:
        return {}
    # All at once, because priors that draw a code number by number take equally long for one code and for many.
    moved = noise.flatten(1).repeat(len(places), 1, 1).transpose(0, 1).contiguous()
    for index, place in enumerate(places):
        values = moved[:, index, place]
        moved[:, index, place] = (values + 0.3) % 1 if laws[place] == "uniform" else values + 1
    batch = moved.reshape(-1, *noise.shape[1:])
    repeated = None if condition is None else condition.repeat_interleave(len(places), 0)
    after = model.decode(model.codes_of(batch, repeated), from_prior=True)
    differences = after.view(_BASES, len(places), *before.shape[1:]) - before[:, None]
    means = differences.abs().flatten(2).mean((0, 2))
    return dict(zip(places, means.tolist(), strict=True))
