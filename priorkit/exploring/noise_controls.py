"""What a reader can turn: the prior's noise, and what conditions it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.exporting import NoiseLaw, noise_law
from priorkit.interfaces import ImageData
from priorkit.models import Model
from priorkit.runs import Run

__all__ = ["ConditionControls", "NoiseControls", "condition_controls", "noise_controls"]

_BASES = 4
"""Samples around which the effect of each number is measured."""
_MOST_MEASURED = 128
_DRAWN = 32
"""Draws of noise that browsers cannot draw."""
_MOST_TEXTS = 200
_MOST_VECTORS = 24


@dataclass(frozen=True)
class NoiseControls:
    """The noise of one sample, flat.

    Attributes:
        law: Its shape, and what its numbers are drawn from.
        order: The numbers that sliders are for, those with the largest effect on the image first.
        drawn: Draws, float32 (32, numbers), where numbers are drawn by a law that browsers do not know; otherwise None.
    """

    law: NoiseLaw
    order: tuple[int, ...]
    drawn: Tensor | None


def noise_controls(model: Model, seed: int) -> NoiseControls:
    """Finds the law of a prior's noise, and which of its numbers change the image most.

    Args:
        model: The model.
        seed: Seed of the samples around which they are changed.
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
    """How far images move where a number moves by a deviation: the mean absolute difference of pixels."""
    noise = model.noise(_BASES, seed)
    condition = model.conditions(_BASES, seed) if model.condition is not None else None
    before = model.decode(model.codes_of(noise, condition), from_prior=True)
    found = {}
    for place in places:
        moved = noise.clone().flatten(1)
        moved[:, place] = (moved[:, place] + 0.3) % 1 if laws[place] == "uniform" else moved[:, place] + 1
        after = model.decode(model.codes_of(moved.view_as(noise), condition), from_prior=True)
        found[place] = float((after - before).abs().mean())
    return found


@dataclass(frozen=True)
class ConditionControls:
    """What conditions images.

    Attributes:
        dim: Dimensions of s.
        classes: Names of the classes, for the first dimensions of s; empty where s is no class.
        untrained: The classes that no training image has.
        captions: What each of `vectors` stands for: a text, or `vector 3`.
        vectors: s to choose from where it is no class, float32 (M, dim); None where it is one.
    """

    dim: int
    classes: tuple[str, ...]
    untrained: tuple[int, ...]
    captions: tuple[str, ...]
    vectors: Tensor | None


def condition_controls(run: Run, data: ImageData | None, texts: tuple[str, ...], seed: int) -> ConditionControls | None:
    """What a reader can choose of a run's condition; None where its prior takes none.

    Args:
        run: The run.
        data: Its data, whose held-out captions are offered.
        texts: Texts to offer before these, which the run reads.
        seed: Seed of vectors that are drawn.
    """
    model = run.model
    condition = model.condition
    if condition is None or not model.prior.takes_condition:
        return None
    if model.classes:
        names = run.class_names
        counts = run.environment["data"].get("class_counts", ())
        never = [index for index in range(len(names)) if condition.from_labels and index < len(counts)]
        return ConditionControls(condition.dim, names, tuple(i for i in never if not counts[i]), (), None)
    if condition.reads_text:
        offered = [*texts, *(_held_out_texts(data) if data is not None else ())]
        readable = tuple(text for text in dict.fromkeys(offered) if condition.reads(text))[:_MOST_TEXTS]
        if readable:
            return ConditionControls(condition.dim, (), (), readable, model.text_conditions(readable).cpu())
    vectors = model.conditions(_MOST_VECTORS, seed).cpu()
    captions = tuple(f"vector {number}" for number in range(1, len(vectors) + 1))
    return ConditionControls(condition.dim, (), (), captions, vectors)


def _held_out_texts(data: ImageData) -> tuple[str, ...]:
    """The first captions of different held-out images."""
    captions = data.test.captions
    return tuple(dict.fromkeys(of_image[0] for of_image in captions)) if captions is not None else ()
