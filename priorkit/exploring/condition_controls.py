"""Choices of the condition: classes, texts, or vectors as the run draws them."""

from dataclasses import dataclass

from torch import Tensor

from priorkit.interfaces import ImageData
from priorkit.runs import Run

__all__ = ["ConditionControls", "condition_controls"]

_MOST_TEXTS = 200
_MOST_VECTORS = 24


@dataclass(frozen=True)
class ConditionControls:
    """The conditions that a page offers.

    Attributes:
        kind: What readers choose: `classes`, `texts` or `vectors`.
        dim: Dimensions of s.
        classes: Names of the classes, for the first dimensions of s; empty where s is no class.
        untrained: The classes that no training image has.
        captions: What each of `vectors` stands for: a text, or `vector 3`.
        vectors: s to choose from where it is no class, float32 (M, dim); None where it is one.
    """

    kind: str
    dim: int
    classes: tuple[str, ...]
    untrained: tuple[int, ...]
    captions: tuple[str, ...]
    vectors: Tensor | None


def condition_controls(run: Run, data: ImageData | None, texts: tuple[str, ...], seed: int) -> ConditionControls | None:
    """The choices that a page offers of a run's condition; None where its prior takes none.

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
        return ConditionControls("classes", condition.dim, names, tuple(i for i in never if not counts[i]), (), None)
    if condition.reads_text:
        offered = [*texts, *(_held_out_texts(data) if data is not None else ())]
        readable = tuple(text for text in dict.fromkeys(offered) if condition.reads(text))[:_MOST_TEXTS]
        if readable:
            return ConditionControls("texts", condition.dim, (), (), readable, model.text_conditions(readable).cpu())
    vectors = model.conditions(_MOST_VECTORS, seed).cpu()
    captions = tuple(f"vector {number}" for number in range(1, len(vectors) + 1))
    return ConditionControls("vectors", condition.dim, (), (), captions, vectors)


def _held_out_texts(data: ImageData) -> tuple[str, ...]:
    """The first captions of different held-out images."""
    captions = data.test.captions
    return tuple(dict.fromkeys(of_image[0] for of_image in captions)) if captions is not None else ()
