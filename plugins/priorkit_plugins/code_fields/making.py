"""Makes the field that fits a run's codes."""

from priorkit.interfaces import CodeKind
from priorkit.plugins import PriorContext
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.map_field import MapField
from priorkit_plugins.code_fields.options import FieldOptions
from priorkit_plugins.code_fields.vector_field import VectorField

__all__ = ["make_field"]


def make_field(options: FieldOptions, context: PriorContext) -> CodeField:
    """Makes a field for a run's codes: a convolutional one for maps.

    Raises:
        ValueError: Options contradict each other or the run.
    """
    for name, value in (("guidance", options.guidance), ("condition-dropout", options.condition_dropout)):
        if value > 0 and not context.condition_dim:
            raise ValueError(
                f"{name} is {value:g}, and there is no condition; use --condition labels, or leave out --prior.{name}"
            )
    if options.guidance > 0 and options.condition_dropout == 0:
        raise ValueError(
            f"guidance is {options.guidance:g}, which needs training on codes without s; add "
            "--prior.condition-dropout 0.1"
        )
    if context.codes.kind is CodeKind.MAP:
        return MapField(context.codes, context.condition_dim, width=options.width)
    return VectorField(context.code_dim, context.condition_dim, hidden=options.hidden, layers=options.layers)
