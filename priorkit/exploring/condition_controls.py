"""Choices of the condition on a page: classes, texts, or vectors."""

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
        kind: The kind of choices: `classes`, `texts` or `vectors`.
        dim: Dimensions of s.
        classes: Names of the classes, which are the first dimensions of s; empty if s is not a class.
        untrained: The classes without training images.
        captions: A caption for each of `vectors`: a text, or `vector 3`.
        vectors: The values of s to choose from, float32 (M, dim); None if s is a class.
    """

    kind: str
    dim: int
    classes: tuple[str, ...]
    untrained: tuple[int, ...]
    captions: tuple[str, ...]
    vectors: Tensor | None


def condition_controls(run: Run, data: ImageData | None, texts: tuple[str, ...], seed: int) -> ConditionControls | None:
    """Returns the choices of a run's condition on a page; None if the run's prior takes no condition.

    Args:
        run: The run.
        data: The run's data, whose held-out captions are offered.
        texts: Texts to offer first, which the run must be able to read.
        seed: Seed of drawn vectors.
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
    """Returns the first captions of different held-out images."""
    captions = data.test.captions
    return tuple(dict.fromkeys(of_image[0] for of_image in captions)) if captions is not None else ()
