"""The paper's code generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import CodeGeneratorContext, Component, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import CodeGenerator

__all__ = ["MLPCodeGeneratorOptions", "priorkit_code_generators"]


class MLPCodeGeneratorOptions(Options):
    """Options of the code generator `mlp`."""

    hidden: int | None = Field(
        None,
        ge=1,
        description="width of the hidden layers; by default twice the input's dimensions, as in the paper",
    )
    layers: int = Field(1, ge=1, description="number of hidden layers; 1 in the paper")
    output_norm: bool = Field(True, description="scale the codes by batch norm, as in the paper")


def _build(options: MLPCodeGeneratorOptions, context: CodeGeneratorContext) -> CodeGenerator:
    from priorkit_plugins.mlp_code_generator.code_generator import MLPCodeGenerator

    return MLPCodeGenerator(
        context.noise_dim,
        context.code_dim,
        hidden=options.hidden,
        layers=options.layers,
        output_norm=options.output_norm,
    )


@hookimpl
def priorkit_code_generators() -> list[Component[CodeGenerator]]:
    """Supplies the code generator `mlp`."""
    return [
        Component(
            "mlp",
            MLPCodeGeneratorOptions,
            _build,
            summary="fully connected layers with batch norm",
            source="Wang, Peng and Ko 2020, Learning priors for adversarial autoencoders, Table A.2",
        )
    ]
