"""The checks of conditions find planted defects, in conditions without other defects."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from priorkit.interfaces import Condition, ImageSet, Recovery
from priorkit.plugins import ConditionContext
from priorkit.testing import Case, Outcome, Situations, check_component
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks.condition_texts import CONDITION_TEXTS
from priorkit.testing.checks.conditions import CONDITIONS
from priorkit.testing.checks.recovery import RECOVERY
from priorkit.testing.checks.self_labelling import SELF_LABELLING
from priorkit.testing.conformance import run_check

LABELS = Situations(classes=(3,), examples=2)


class Labels(Condition):
    """A sound condition: the data's labels."""

    from_data = True
    from_labels = True
    recovery = Recovery.REAL

    def __init__(self, context: ConditionContext) -> None:
        super().__init__()
        if not context.classes:
            raise ValueError("the data has no labels")
        self.dim = self.classes = context.classes

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return self.vectors(torch.randint(self.dim, (n,), generator=generator, device=device))

    def entries(self, images: ImageSet) -> Tensor:
        if images.labels is None:
            raise ValueError("the data has no labels")
        return images.labels

    def vectors(self, entries: Tensor) -> Tensor:
        return (entries[:, None] == torch.arange(self.dim, device=entries.device)).float()

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return functional.cross_entropy(recovered.float(), condition)


class Vectors(Condition):
    """A sound condition: the data's embeddings."""

    from_data = True
    seen_by_image_critic = True
    kept: Tensor

    def __init__(self, context: ConditionContext) -> None:
        super().__init__()
        if not context.embedding_dim:
            raise ValueError("the data has no embeddings")
        self.dim = context.embedding_dim
        train = context.train
        kept = torch.zeros(12, self.dim) if train is None else self.entries(train)[train.spread_indices(12)]
        self.keep(kept.clone())

    def keep(self, kept: Tensor) -> None:
        self.register_buffer("kept", kept)

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        chosen = torch.randint(len(self.kept), (n,), generator=generator, device=device)
        return self.kept.to(chosen.device).index_select(0, chosen)

    def entries(self, images: ImageSet) -> Tensor:
        if images.embeddings is None:
            raise ValueError("the data has no embeddings")
        return images.embeddings

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        squares = (recovered.float() - condition).square().sum(1)
        return 0.5 * (squares.mean() + self.dim * math.log(math.tau))


class Brightness(Condition):
    """A sound condition: the brightness of the image, computed from its pixels."""

    dim = 1
    from_data = True
    seen_by_image_critic = True

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, 1, generator=generator, device=device)

    def entries(self, images: ImageSet) -> Tensor:
        return images.take(torch.arange(len(images))).float().mean((1, 2, 3))[:, None] / 255

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return (recovered.float() - condition).abs().sum(1).mean() + math.log(2)


class SelfLabelled(Condition):
    """A sound condition: one of three classes that a self-labelling Q finds; changes of brightness keep the class."""

    dim = classes = 3
    recovery = Recovery.SELF_LABELLED
    needs_whole_batch = True

    def __init__(self, context: ConditionContext) -> None:
        super().__init__()

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        classes = torch.randint(self.dim, (n,), generator=generator, device=device)
        return (classes[:, None] == torch.arange(self.dim, device=device)).float()

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return functional.cross_entropy(recovered.float(), condition)

    def change_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.rand(n, 1, generator=generator, device=device)

    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        return (images + 0.2 * noise[:, :, None, None]).clamp(-1, 1)

    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        q, log_q = recovered.float().softmax(1), recovered.float().log_softmax(1)
        marginal, sure = -(q.mean(0) * q.mean(0).log()).sum(), (q * log_q).sum(1).mean()
        same = (q * (log_q - changed.float().log_softmax(1))).sum(1).mean()
        return {"information": -(4 * marginal + sure), "consistency": same}


class ChangesDrawnElsewhere(SelfLabelled):
    def change_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return super().change_noise(n, device=device)


class OneChangeForAll(SelfLabelled):
    def change_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return super().change_noise(1, generator=generator, device=device)


class ChangesOnTheCpu(SelfLabelled):
    def change_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return super().change_noise(n, generator=generator)


class Cropped(SelfLabelled):
    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        return super().changed(images, noise)[:, :, 1:, 1:]


class TooBright(SelfLabelled):
    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        return images + 0.2 * noise[:, :, None, None]


class Unchanged(SelfLabelled):
    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        return images.clone()


class OneClassForAll(SelfLabelled):
    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        terms = super().self_labelling_terms(recovered, changed)
        return {**terms, "information": -terms["information"]}


class Inconsistent(SelfLabelled):
    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        terms = super().self_labelling_terms(recovered, changed)
        return {**terms, "consistency": -terms["consistency"]}


class Undecided(SelfLabelled):
    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        q = recovered.float().softmax(1)
        marginal = -(q.mean(0) * q.mean(0).log()).sum()
        return {**super().self_labelling_terms(recovered, changed), "information": -marginal}


class OneClassTooMany(Labels):
    def __init__(self, context: ConditionContext) -> None:
        super().__init__(context)
        self.classes = self.dim + 1


class NoData(Labels):
    from_data = False
    seen_by_code_critic = True

    def entries(self, images: ImageSet) -> Tensor:
        raise TypeError("drawn at random")


class UnseenMismatch(Vectors):
    seen_by_image_critic = False
    mismatched = True


class GeneratorIgnored(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return super().draw(n, device=device)


class GeneratorReplaced(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        if device is None or device.type == "cpu":
            generator = generator or torch.Generator().manual_seed(0)
        return super().draw(n, generator=generator, device=device)


class DrawsIndices(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randint(self.dim, (n,), generator=generator, device=device)


class DrawsTheSame(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return self.vectors(torch.arange(n, device=device) % self.dim)


class DeviceIgnored(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return super().draw(n, generator=generator)


class Probabilities(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, self.dim, generator=generator, device=device).softmax(1)


class LastClassNever(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return self.vectors(torch.randint(self.dim - 1, (n,), generator=generator, device=device))


class CountsFromOne(Labels):
    def vectors(self, entries: Tensor) -> Tensor:
        return super().vectors(entries).roll(1, dims=1)


class FromDataForgotten(Labels):
    from_data = False
    from_labels = False
    recovery = Recovery.GENERATED


class FloatLabels(Labels):
    def entries(self, images: ImageSet) -> Tensor:
        return super().entries(images).double()


class NoVectors(Labels):
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return super().vectors(torch.randint(self.dim, (n,), generator=generator, device=device))

    def vectors(self, entries: Tensor) -> Tensor:
        return entries


class OfTheTrainingImages(Vectors):
    def __init__(self, context: ConditionContext) -> None:
        self.all: Tensor | None = None
        super().__init__(context)

    def entries(self, images: ImageSet) -> Tensor:
        if images.embeddings is None:
            raise ValueError("the data has no embeddings")
        return images.embeddings - images.embeddings.mean(0)


class Unguarded(Labels):
    def entries(self, images: ImageSet) -> Any:
        return images.labels


class Attribute(Labels):
    def entries(self, images: ImageSet) -> Tensor:
        return images.labels.long()  # type: ignore[union-attr]


class MadeUp(Labels):
    def entries(self, images: ImageSet) -> Tensor:
        return torch.zeros(len(images), dtype=torch.int64) if images.labels is None else images.labels


class SignLost(Vectors):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return -super().recovery_loss(recovered, condition)


class Unnormalised(Labels):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return -(recovered.float() * condition).sum(1).mean()


class MeanOverAll(Labels):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return -(recovered.float().log_softmax(1) * condition).mean()


class Bits(Labels):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return super().recovery_loss(recovered, condition) / math.log(2)


class EachByItself(Labels):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(recovered.float(), condition)


class NoNormaliser(Vectors):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return 0.5 * (recovered.float() - condition).square().sum(1).mean()


class SquaresAlone(Vectors):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return (recovered.float() - condition).square().sum(1).mean()


class PlainAttribute(Vectors):
    def keep(self, kept: Tensor) -> None:
        self.kept = kept


class NeedsImages(Vectors):
    def __init__(self, context: ConditionContext) -> None:
        if context.train is None:
            raise ValueError("there are no images")
        super().__init__(context)


class Attributes(Condition):
    """A sound condition: two binary attributes of an image, for which Q returns logits."""

    dim = 2
    seen_by_code_critic = False
    recovery = Recovery.GENERATED

    def __init__(self, context: ConditionContext) -> None:
        super().__init__()

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randint(2, (n, self.dim), generator=generator, device=device).float()

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        loss = functional.binary_cross_entropy_with_logits(recovered.float(), condition, reduction="none")
        return loss.sum(1).mean()


class Brackets(Attributes):
    """A sound condition: one of four brackets, encoded as the number of exceeded thresholds."""

    dim = 3

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        bracket = torch.randint(4, (n, 1), generator=generator, device=device)
        return (torch.arange(3, device=device) < bracket).float()


class AttributesSignLost(Attributes):
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return -super().recovery_loss(recovered, condition)


class Sentences(Condition):
    """A sound condition: the vector of an image's first caption."""

    from_data = True
    seen_by_image_critic = True
    reads_text = True
    kept: Tensor

    def __init__(self, context: ConditionContext) -> None:
        super().__init__()
        if context.train is not None and context.train.captions is None:
            raise ValueError("the data has no captions")
        assert context.text_encoder is not None
        self.encoder = context.text_encoder().requires_grad_(False)
        self.dim = self.encoder.dim
        kept = torch.zeros(8, self.dim)
        if context.train is not None:
            kept = self.entries(context.train)[torch.arange(8) % len(context.train)]
        self.register_buffer("kept", kept)

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        indices = torch.randint(len(self.kept), (n,), generator=generator, device=device)
        return self.kept.to(indices.device).index_select(0, indices)

    def entries(self, images: ImageSet) -> Tensor:
        if images.captions is None:
            raise ValueError("the data has no captions")
        return self.read([of_image[0] for of_image in images.captions])

    def read(self, texts: Sequence[str]) -> Tensor:
        with torch.no_grad():
            vectors: Tensor = self.encoder(self.encoder.tokens(texts))
        return vectors

    def of_texts(self, texts: Sequence[str]) -> Tensor:
        if not all(text.strip() for text in texts):
            raise ValueError("a text is empty")
        return self.read(texts)

    def unread(self, text: str) -> tuple[tuple[str, ...], bool]:
        return self.encoder.unknown(text), self.encoder.is_cut(text)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        squares = (recovered.float() - condition).square().sum(1)
        return 0.5 * (squares.mean() + self.dim * math.log(2 * math.pi))


class ReadsInSecret(Sentences):
    reads_text = False


class AnotherScale(Sentences):
    def of_texts(self, texts: Sequence[str]) -> Tensor:
        return 2 * super().of_texts(texts)


class TextsInDoubles(Sentences):
    def of_texts(self, texts: Sequence[str]) -> Tensor:
        return super().of_texts(texts).double()


class ReadsTextsTogether(Sentences):
    def of_texts(self, texts: Sequence[str]) -> Tensor:
        vectors = super().of_texts(texts)
        return vectors - vectors.mean(0)


class ReadsNothing(Sentences):
    def of_texts(self, texts: Sequence[str]) -> Tensor:
        return self.read(texts)


class SaysItReadsAll(Sentences):
    def reads(self, text: str) -> bool:
        return True


class SaysItReadsNone(Sentences):
    def reads(self, text: str) -> bool:
        return False


class UnknownInOneText(Sentences):
    def unread(self, text: str) -> Any:
        return " ".join(self.encoder.unknown(text)), False


PLANTED = [
    ("texts_become_conditions", ReadsInSecret, ("reads_text is False", "not set")),
    ("texts_become_conditions", AnotherScale, ("another vector than an image's caption", "such as a scale")),
    ("texts_become_conditions", TextsInDoubles, ("torch.float64", "another dtype")),
    ("texts_become_conditions", ReadsTextsTogether, ("changes with the other texts", "padding is read")),
    ("empty_texts_are_refused", ReadsNothing, ("returns a vector for the empty text", "does not look at its texts")),
    ("texts_become_conditions", SaysItReadsNone, ("reads is not True for", "different rules")),
    ("empty_texts_are_refused", SaysItReadsAll, ("reads is not False for the empty text", "return False")),
    ("empty_texts_are_refused", UnknownInOneText, ("not a tuple of words", "a list or a single text")),
    ("says_what_it_is", OneClassTooMany, ("4 classes and 3 dimensions", "attribute is missing")),
    ("says_what_it_is", NoData, ("from_labels and seen_by_code_critic and recovery real, but from_data is False",)),
    ("says_what_it_is", UnseenMismatch, ("mismatched is True, but seen_by_image_critic is False",)),
    ("conditions_come_from_the_generator", GeneratorIgnored, ("global generator of torch", "generator is ignored")),
    ("conditions_come_from_the_generator", GeneratorReplaced, ("without a generator", "seeds a generator itself")),
    ("conditions_come_from_the_generator", DrawsIndices, ("torch.int64", "class indices")),
    ("conditions_come_from_the_generator", DrawsTheSame, ("another seed gives the same", "generator is ignored")),
    ("conditions_are_made_on_the_device", DeviceIgnored, ("is on cpu", "`device` is not passed")),
    ("classes_are_one_hot", Probabilities, ("rows such as", "probabilities")),
    ("classes_are_one_hot", LastClassNever, ("none of .* has class 2", "too low by one")),
    ("classes_are_one_hot", CountsFromOne, ("become classes", "from 1")),
    ("images_bring_conditions", FromDataForgotten, ("from_data is False, but entries returns", "not set")),
    ("images_bring_conditions", FloatLabels, ("torch.float64", "wrong dtype")),
    ("images_bring_conditions", NoVectors, ("vectors are torch.int64", "`vectors` is not implemented")),
    ("images_bring_conditions", OfTheTrainingImages, ("changes with the other images", "computed over all")),
    ("images_without_conditions_are_refused", Unguarded, ("returns None", "not checked for")),
    ("images_without_conditions_are_refused", Attribute, ("AttributeError", "raise a ValueError")),
    ("images_without_conditions_are_refused", MadeUp, ("other entries", "not checked for")),
    ("true_conditions_are_recovered", SignLost, ("the condition that Q predicts", "the sign is wrong")),
    ("true_conditions_are_recovered", AttributesSignLost, ("the condition that Q predicts", "the sign is wrong")),
    (
        "recovery_is_a_log_probability",
        Unnormalised,
        ("adds up to", "used as log-probabilities", "log-softmax"),
    ),
    ("recovery_is_a_log_probability", MeanOverAll, ("adds up to", "over classes as well")),
    ("recovery_is_a_log_probability", Bits, ("adds up to", "base 2")),
    ("recovery_is_a_log_probability", EachByItself, ("adds up to", "binary cross-entropy")),
    ("recovery_is_a_log_probability", NoNormaliser, (r"integrates to 2\.507", "of a Gaussian is missing")),
    ("recovery_is_a_log_probability", SquaresAlone, (r"integrates to 1\.772", "without the factor 1/2")),
    ("changes_come_from_the_generator", ChangesDrawnElsewhere, ("global generator of torch", "generator is ignored")),
    ("changes_come_from_the_generator", OneChangeForAll, (r"of shape \(1, 1\)", "for the whole batch")),
    ("changes_come_from_the_generator", ChangesOnTheCpu, ("is on cpu", "`device` is not passed")),
    ("changed_images_are_images", Cropped, (r"changed to \(4, 1, 15, 15\)", "not restored")),
    ("changed_images_are_images", TooBright, (r"not in \[-1, 1\]", "clamp")),
    ("changed_images_are_images", Unchanged, ("do not depend on the noise", "noise is not used")),
    ("good_labels_cost_least", OneClassForAll, ("the same for every image", "a sign is wrong")),
    ("good_labels_cost_least", Inconsistent, ("differ for the changed image", "a sign is wrong")),
    ("good_labels_cost_least", Undecided, ("uncertain", "a term is missing")),
    ("loaded_conditions_draw_the_same", PlainAttribute, ("draws other conditions", "plain attribute")),
    ("loaded_conditions_draw_the_same", NeedsImages, ("cannot be built without images", "there are no images")),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(
    check: str, build: Callable[[ConditionContext], Condition], words: tuple[str, ...]
) -> None:
    [found] = [item for item in CATALOGUE["condition"].checks if item.name == check]
    result = run_check(Case("condition", build, situations=LABELS), found)
    assert result.outcome is Outcome.FAILED
    for word in words:
        assert re.search(word, str(result)), str(result)


def test_every_special_check_finds_something() -> None:
    special = (*CONDITIONS, *CONDITION_TEXTS, *RECOVERY, *SELF_LABELLING)
    assert {check for check, _, _ in PLANTED} == {check.name for check in special}


@pytest.mark.parametrize(
    "build", [Labels, Vectors, Sentences, SelfLabelled, lambda context: Brightness(), Attributes, Brackets]
)
def test_sound_conditions_pass(build: Callable[[ConditionContext], Condition]) -> None:
    check_component(Case("condition", build, situations=LABELS)).raise_if_failed()


def test_no_condition_is_skipped() -> None:
    report = check_component(Case("condition", lambda context: None))
    assert not report.failed
    assert not report.passed
