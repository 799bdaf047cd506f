"""The perceptual loss of a classifier's features: VGG-16."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from priorkit.plugins import Component, LossContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import ReconstructionLoss

__all__ = ["VGGLayer", "VGGOptions", "priorkit_losses"]

VGGLayer = Literal[
    "relu1_1",
    "relu1_2",
    "relu2_1",
    "relu2_2",
    "relu3_1",
    "relu3_2",
    "relu3_3",
    "relu4_1",
    "relu4_2",
    "relu4_3",
    "relu5_1",
    "relu5_2",
    "relu5_3",
]


class VGGOptions(Options):
    """Options of the loss `vgg`."""

    layers: tuple[VGGLayer, ...] = Field(
        ("relu2_2",), min_length=1, description="layers whose features are compared, relu1_1 to relu5_3"
    )
    weights: Path | None = Field(
        None, description="torchvision's file of VGG-16 weights (.pth); by default downloaded, 528 MB, to torch's cache"
    )
    weight: float = Field(1.0, gt=0, description="weight of the loss")

    @field_validator("weights")
    @classmethod
    def _found_from_anywhere(cls, path: Path | None) -> Path | None:
        # Runs may be resumed from another working directory.
        return path.expanduser().absolute() if path is not None else None


def _build(options: VGGOptions, context: LossContext) -> ReconstructionLoss:
    from priorkit_plugins.vgg.loss import VGGLoss
    from priorkit_plugins.vgg.weights import read_weights

    return VGGLoss(None if context.trained else read_weights(options.weights), options.layers, options.weight)


@hookimpl
def priorkit_losses() -> list[Component[ReconstructionLoss]]:
    """Supplies the loss `vgg`."""
    return [
        Component(
            "vgg",
            VGGOptions,
            _build,
            summary="squared distance of features of VGG-16, a classifier trained on ImageNet",
            source="Johnson, Alahi and Fei-Fei 2016, Perceptual losses, arXiv:1603.08155, Eq. 2",
        )
    ]
