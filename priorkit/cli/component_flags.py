"""The flags of everybody's components side by side: one plug-in's must not change what another's mean."""

from collections.abc import Collection, Sequence

from priorkit.cli.arguments import join_values
from priorkit.config import FieldDescription, RunConfig, describe_fields, describe_former_fields
from priorkit.plugins import KINDS
from priorkit.registry import BUILTIN, Registry

__all__ = ["component_options_of_all", "former_options_of_all", "tie_values"]


def component_options_of_all(registry: Registry, *slots: str) -> list[FieldDescription]:
    """Every option of every component of these kinds, or of all kinds; those of priorkit's own components come last."""
    others: list[FieldDescription] = []
    own: list[FieldDescription] = []
    for slot in slots or [kind.slot for kind in KINDS]:
        for registered in registry.components(slot):
            described = describe_fields(registered.component.options, registered.table)
            (own if registered.distribution == BUILTIN else others).extend(described)
    return others + own


def former_options_of_all(registry: Registry) -> list[FieldDescription]:
    """Options of components and of runs by the names that they had before, and that are still taken."""
    described = describe_former_fields(RunConfig)
    for kind in KINDS:
        for registered in registry.components(kind.slot):
            described += describe_former_fields(registered.component.options, registered.table)
    return described


def tie_values(
    arguments: Sequence[str], described: Sequence[FieldDescription], valued: Collection[str] = ()
) -> list[str]:
    """Ties every flag to its value, as `join_values` does.

    Args:
        arguments: As typed.
        described: Options; where two have one flag, and one of them is a switch and the other is not, the last counts.
        valued: Flags beside them that take one value.
    """
    is_switch = {item.flag: item.switch for item in described}
    switches = {flag for flag, switch in is_switch.items() if switch}
    return join_values(arguments, {*(is_switch.keys() - switches), *valued}, switches)
