"""Conditions: labels, random classes, or embeddings that generated images should match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, ConditionContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Condition

__all__ = ["CategoricalOptions", "EmbeddingOptions", "LabelsOptions", "NoConditionOptions", "priorkit_conditions"]


class NoConditionOptions(Options):
    """Options of the condition `none`: none."""


class LabelsOptions(Options):
    """Options of the condition `labels`."""

    seen_by_code_critic: bool = Field(True, description="give the label to the code discriminator (Eq. 8)")
    recovery: Literal["none", "real", "generated", "both"] = Field(
        "real",
        description="images from which the classifier Q learns; generated is the paper's Eq. 7, which fails "
        "if the code discriminator sees the label",
    )
    weight: float = Field(1.0, ge=0, description="weight of the mutual information in the generator's loss")


class CategoricalOptions(Options):
    """Options of the condition `categorical`."""

    classes: int = Field(10, ge=2, description="K, the number of values")
    continuous: int = Field(
        0, ge=0, description="number of continuous codes in addition to the class, uniform in [-1, 1] (InfoGAN)"
    )
    weight: float = Field(1.0, ge=0, description="weight of the mutual information in the generator's loss")
    recovery: Literal["generated", "self-labelled"] = Field(
        "generated",
        description="training data of the classifier Q: generated images, as in the paper's Eq. 7, or real "
        "images, without labels (IMSAT)",
    )
    changes: Literal["affine", "photograph"] = Field(
        "affine",
        description="self-labelled: augmentations that keep an image's class; affine turns, scales, shears and shifts, "
        "photograph crops, mirrors and colours",
    )
    information: float = Field(
        0.1, ge=0, description="self-labelled: weight of the mutual information of a real image and its class"
    )
    balance: float = Field(
        4.0, ge=0, description="self-labelled: factor of the marginal entropy of the classes, within `information`"
    )
    consistency: float = Field(
        1.0, ge=0, description="self-labelled: weight of the divergence between Q on an image and on its change"
    )


class EmbeddingOptions(Options):
    """Options of the condition `embedding`."""

    seen_by_code_critic: bool = Field(False, description="give the embedding to the code discriminator")
    mismatched: bool = Field(
        True, description="give the image discriminator real images with another image's embedding as fakes"
    )
    interpolated: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of generated images that are conditioned on the mean of two images' embeddings; the image "
        "discriminator sees this mean as their s (Reed et al. 2016); 0 for none",
    )
    remembered: int = Field(
        1000, ge=1, description="number of training images' embeddings that are kept with the run, for samples"
    )


def _build_none(options: NoConditionOptions, context: ConditionContext) -> None:
    return None


def _build_labels(options: LabelsOptions, context: ConditionContext) -> Condition:
    from priorkit.interfaces import Recovery
    from priorkit_plugins.conditions.labels import LabelsCondition

    return LabelsCondition(
        context.classes,
        context.train.labels if context.train is not None else None,
        seen_by_code_critic=options.seen_by_code_critic,
        recovery=Recovery(options.recovery),
        weight=options.weight,
    )


def _build_categorical(options: CategoricalOptions, context: ConditionContext) -> Condition:
    from priorkit_plugins.conditions.categorical import CategoricalCondition
    from priorkit_plugins.conditions.changes import AffineChanges, ImageChanges, PhotographChanges
    from priorkit_plugins.conditions.self_labelling import SelfLabelling

    if options.recovery == "generated":
        return CategoricalCondition(options.classes, options.weight, options.continuous)
    if options.continuous:
        raise ValueError(
            f"continuous is {options.continuous}, and recovery is self-labelled: Q learns continuous codes from "
            "generated images; use --condition.recovery generated, or --condition.continuous 0"
        )
    changes: dict[str, type[ImageChanges]] = {"affine": AffineChanges, "photograph": PhotographChanges}
    return CategoricalCondition(
        options.classes,
        options.weight,
        self_labelling=SelfLabelling(
            information=options.information, balance=options.balance, consistency=options.consistency
        ),
        changes=changes[options.changes](),
    )


def _build_embedding(options: EmbeddingOptions, context: ConditionContext) -> Condition:
    from priorkit_plugins.conditions.embedding import EmbeddingCondition

    return EmbeddingCondition(
        context.embedding_dim,
        context.train,
        seen_by_code_critic=options.seen_by_code_critic,
        mismatched=options.mismatched,
        interpolated=options.interpolated,
        remembered=options.remembered,
    )


_PAPER = "Wang, Peng and Ko 2020, Learning priors for adversarial autoencoders"


@hookimpl
def priorkit_conditions() -> list[Component[Condition | None]]:
    """Supplies the conditions `none`, `labels`, `categorical` and `embedding`."""
    return [
        Component("none", NoConditionOptions, _build_none, summary="no condition", source=_PAPER),
        Component(
            "labels",
            LabelsOptions,
            _build_labels,
            summary="the labels of the data; a classifier recovers them from images",
            source=f"{_PAPER}, Section III-C, Eq. 7 and 8",
        ),
        Component(
            "categorical",
            CategoricalOptions,
            _build_categorical,
            summary="a random class, whose meaning is learned: a classifier recovers it from images",
            source=f"{_PAPER}, Section III-C; Chen et al. 2016, InfoGAN, arXiv:1606.03657",
        ),
        Component(
            "embedding",
            EmbeddingOptions,
            _build_embedding,
            summary="a vector that comes with each image, such as the embedding of a sentence",
            source=f"{_PAPER}, Section V; Reed et al. 2016, arXiv:1605.05396, for mismatched pairs and interpolation",
        ),
    ]
