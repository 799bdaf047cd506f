"""Conditions to check."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from priorkit.interfaces import Condition, ImageSet, ImageShape, Recovery
from priorkit.plugins import ConditionContext, vocabulary_of
from priorkit.testing.case import Case
from priorkit.testing.check import Absent
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.stand_in_text_encoder import SmallTextEncoder, some_captions
from priorkit.testing.stand_ins import random_images
from priorkit.testing.subject import Subject

__all__ = ["ConditionSubject", "condition_subjects"]

_EMBEDDING_DIMS = (0, 1, 4)
_IMAGES = 24
_SHAPE = ImageShape(1, 16)


class ConditionSubject(Subject[Condition]):
    """A condition for data with or without labels, embeddings and captions.

    Attributes:
        train: The training images.

    Args:
        case: The component with its options.
        classes: Number of classes of the labels; 0 for no labels.
        embedding_dim: Dimensions of the embeddings; 0 for none.
        captions: Whether images have captions.
    """

    interface = Condition

    def __init__(self, case: Case, classes: int, embedding_dim: int, *, captions: bool = False) -> None:
        parts = [f"{classes} classes"] * bool(classes) + [f"embeddings of {embedding_dim} dim"] * bool(embedding_dim)
        parts += ["captions"] * captions
        words = f"data with {' and '.join(parts) or 'nothing but images'}"
        super().__init__(case, words, variant=words)
        self.classes = classes
        self.embedding_dim = embedding_dim
        generator = torch.Generator().manual_seed(case.seed + 7)
        pixels = ((random_images(_IMAGES, _SHAPE) + 1) * 127.5).to(torch.uint8)
        labels = torch.arange(_IMAGES) * 5 % classes if classes else None
        vectors = torch.randn(_IMAGES, embedding_dim, generator=generator) if embedding_dim else None
        self.train = ImageSet(pixels, labels, embeddings=vectors, captions=some_captions(_IMAGES) if captions else None)

    def context(self) -> ConditionContext:
        """Returns a description of the data."""
        captions = self.train.captions
        words = vocabulary_of(captions.distinct()) if captions is not None else ()
        return ConditionContext(
            self.classes,
            self.embedding_dim,
            None if self.loading else self.train,
            text_encoder=lambda: SmallTextEncoder(words),
            vocabulary=words,
        )

    def loaded(self) -> Condition:
        """Returns a condition of a loaded run, built without images."""
        condition: Condition = self.part(self.case.build(replace(self.context(), train=None)))
        return condition

    def part(self, made: object) -> Condition:
        """Returns the condition.

        Raises:
            Absent: The plug-in builds None: there is no condition.
        """
        if made is None:
            raise Absent("it builds None: there is no condition")
        return made  # type: ignore[return-value]

    def passes(self, component: Condition) -> Sequence[ForwardPass]:
        """Returns the recovery loss; if available, `vectors` of entries, and the terms of a self-labelling Q."""
        passes = [
            ForwardPass(
                "recovery_loss",
                lambda inputs: component.recovery_loss(inputs["recovered"], inputs["condition"]),
                lambda n: (),
                mean=True,
                reaches=("recovered",),
                float32=True,
            )
        ]
        if component.from_data:
            passes.append(
                ForwardPass(
                    "vectors", lambda inputs: component.vectors(inputs["entries"]), lambda n: (n, component.dim)
                )
            )
        if component.recovery is Recovery.SELF_LABELLED:
            passes += [
                ForwardPass(
                    "self_labelling_terms",
                    lambda inputs: component.self_labelling_terms(inputs["recovered"], inputs["of_changed"]),
                    lambda n: (),
                    mean=True,
                    whole_batch=component.needs_whole_batch,
                    for_training=True,
                    reaches=("recovered", "of_changed"),
                    float32=True,
                ),
                ForwardPass(
                    "changed",
                    lambda inputs: component.changed(inputs["images"], inputs["changes"]),
                    lambda n: (n, _SHAPE.channels, _SHAPE.size, _SHAPE.size),
                    for_training=True,
                ),
            ]
        return passes

    def draw(self, condition: Condition, n: int, seed: int | None = None) -> Tensor:
        """Draws `n` conditions from a seed, by default the case's: float32 (n, dim)."""
        return condition.draw(n, generator=torch.Generator().manual_seed(self.case.seed if seed is None else seed))

    def change_noise(self, condition: Condition, n: int, seed: int) -> Tensor:
        """Draws the noise that changes `n` images, for a self-labelling Q: float32 (n, ...)."""
        return condition.change_noise(n, generator=torch.Generator().manual_seed(seed))

    def entries(self, condition: Condition, n: int) -> Tensor:
        """Returns the entries of `n` images, one each."""
        entries = condition.entries(self.train)[torch.arange(n) % _IMAGES]
        return condition.one_of(entries, torch.linspace(0, 0.99, n))

    def inputs(self, component: Condition, n: int, seed: int) -> Inputs:
        """Returns `recovered` and `condition` (n, dim), and `entries` (n, ...) if s comes from the data.

        For a self-labelling Q, also `of_changed` (n, dim), `images` (n, C, H, W) and their `changes` (n, ...).
        """
        generator = torch.Generator().manual_seed(seed)
        recovered = torch.randn(n, component.dim, generator=generator)
        entries = {"entries": self.entries(component, n)} if component.from_data else {}
        inputs = {"recovered": recovered, "condition": component.draw(n, generator=generator), **entries}
        if component.recovery is Recovery.SELF_LABELLED:
            inputs["of_changed"] = torch.randn(n, component.dim, generator=generator)
            inputs["images"] = random_images(n, _SHAPE, seed)
            inputs["changes"] = component.change_noise(n, generator=generator)
        return inputs

    def extreme_inputs(self, component: Condition) -> Sequence[tuple[str, Inputs]]:
        """Returns outputs of Q that are 0, and large outputs."""
        inputs = self.inputs(component, 16, self.case.seed)
        named = (("outputs of 0", 0.0), ("large outputs of Q", 1e4))
        return [(words, {**inputs, "recovered": scale * inputs["recovered"]}) for words, scale in named]


def condition_subjects(case: Case) -> Iterator[ConditionSubject]:
    """Yields a condition for each combination of labels and embeddings, and for captions."""
    for classes in case.situations.classes:
        for embedding_dim in _EMBEDDING_DIMS:
            yield ConditionSubject(case, classes, embedding_dim)
    yield ConditionSubject(case, 0, 0, captions=True)
