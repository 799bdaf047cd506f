"""The code generator `plug-in-name`: a small network with a linear skip path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import CodeGeneratorContext, Component, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import CodeGenerator

__all__ = ["PlugInNameOptions", "priorkit_code_generators"]


class PlugInNameOptions(Options):
    """Options of the code generator `plug-in-name`."""

    hidden: int | None = Field(None, ge=1, description="width of the hidden layers; none: twice the noise's")
    layers: int = Field(2, ge=1, description="number of hidden layers")


def _build(options: PlugInNameOptions, context: CodeGeneratorContext) -> CodeGenerator:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.code_generator import PlugInNameCodeGenerator

    return PlugInNameCodeGenerator(context.noise_dim, context.code_dim, options.hidden, options.layers)


@hookimpl
def priorkit_code_generators() -> list[Component[CodeGenerator]]:
    """Supplies the code generator `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="fully connected layers with a linear skip path from the noise to the code",
            source="after He et al. 2015, Deep residual learning, arXiv:1512.03385, for the skip path",
        )
    ]
