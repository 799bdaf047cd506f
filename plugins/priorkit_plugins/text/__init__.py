"""The condition `text`: images are conditioned on their captions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, ConditionContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Condition

__all__ = ["TextOptions", "priorkit_conditions"]


class TextOptions(Options):
    """Options of the condition `text`."""

    seen_by_image_critic: bool = Field(
        True, description="give the caption's vector to the image discriminator; turn this off if no phase trains one"
    )
    seen_by_code_critic: bool = Field(False, description="give the caption's vector to the code discriminator")
    mismatched: bool = Field(
        True, description="give the image discriminator real images with another image's caption as fakes"
    )
    interpolated: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of generated images that are conditioned on the mean of two captions' vectors, rescaled to "
        "their length; the image discriminator sees this mean as their s (Reed et al. 2016); 0 for none",
    )
    remembered: int = Field(
        1000, ge=1, description="number of training images' captions that are kept with the run, for samples"
    )
    loss: Literal["contrastive", "structured"] = Field(
        "contrastive",
        description="loss of a text encoder that is not pretrained: finding the right caption among the batch's "
        "by cross-entropy, or by a hinge (Reed et al. 2016)",
    )


def _build(options: TextOptions, context: ConditionContext) -> Condition:
    from priorkit_plugins.text.condition import TextCondition, require_captions

    if context.train is not None:
        # Before a text encoder raises an error because it has no words to learn.
        require_captions(context.train)
    assert context.text_encoder is not None, "the core gives conditions a text encoder"
    return TextCondition(
        context.text_encoder(),
        context.train,
        seen_by_image_critic=options.seen_by_image_critic,
        seen_by_code_critic=options.seen_by_code_critic,
        mismatched=options.mismatched,
        interpolated=options.interpolated,
        remembered=options.remembered,
        loss=options.loss,
    )


@hookimpl
def priorkit_conditions() -> list[Component[Condition | None]]:
    """Supplies the condition `text`."""
    return [
        Component(
            "text",
            TextOptions,
            _build,
            summary="a caption that comes with each image, turned into a vector by a text encoder",
            source="Wang, Peng and Ko 2020, Learning priors for adversarial autoencoders, Section V; Reed et al. 2016, "
            "arXiv:1605.05396, for mismatched pairs and interpolated captions",
        )
    ]
