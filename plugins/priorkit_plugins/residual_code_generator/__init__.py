"""A deeper code generator, made of residual blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import CodeGeneratorContext, Component, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import CodeGenerator

__all__ = ["ResidualCodeGeneratorOptions", "priorkit_code_generators"]


class ResidualCodeGeneratorOptions(Options):
    """Options of the code generator `residual`."""

    hidden: int | None = Field(
        None,
        ge=1,
        description="width of the blocks; by default twice the input's dimensions, as in the paper's",
    )
    blocks: int = Field(3, ge=1, description="number of residual blocks")
    output_norm: bool = Field(True, description="scale the codes by batch norm, as in the paper's generator")


def _build(options: ResidualCodeGeneratorOptions, context: CodeGeneratorContext) -> CodeGenerator:
    from priorkit_plugins.residual_code_generator.code_generator import ResidualCodeGenerator

    return ResidualCodeGenerator(
        context.noise_dim,
        context.code_dim,
        hidden=options.hidden,
        blocks=options.blocks,
        output_norm=options.output_norm,
    )


@hookimpl
def priorkit_code_generators() -> list[Component[CodeGenerator]]:
    """Supplies the code generator `residual`."""
    return [
        Component(
            "residual",
            ResidualCodeGeneratorOptions,
            _build,
            summary="fully connected residual blocks, for priors that need more depth",
            source="priorkit's own; blocks after He et al. 2016, arXiv:1603.05027",
        )
    ]
