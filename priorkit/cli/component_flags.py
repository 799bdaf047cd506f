"""The flags of all components together: a plug-in's flags must not change the meaning of another plug-in's."""

from collections.abc import Collection, Sequence

from priorkit.cli.arguments import join_values
from priorkit.config import FieldDescription, RunConfig, describe_fields, describe_former_fields
from priorkit.plugins import KINDS
from priorkit.registry import BUILTIN, Registry

__all__ = ["component_options_of_all", "former_options_of_all", "tie_values"]


def component_options_of_all(registry: Registry, *slots: str) -> list[FieldDescription]:
    """Returns the options of all components of these kinds, or of all kinds; those of built-in components come last."""
    others: list[FieldDescription] = []
    own: list[FieldDescription] = []
    for slot in slots or [kind.slot for kind in KINDS]:
        for registered in registry.components(slot):
            described = describe_fields(registered.component.options, registered.table)
            (own if registered.distribution == BUILTIN else others).extend(described)
    return others + own


def former_options_of_all(registry: Registry) -> list[FieldDescription]:
    """Returns the options of components and of runs under former names that are still accepted."""
    described = describe_former_fields(RunConfig)
    for kind in KINDS:
        for registered in registry.components(kind.slot):
            described += describe_former_fields(registered.component.options, registered.table)
    return described


def tie_values(
    arguments: Sequence[str], described: Sequence[FieldDescription], valued: Collection[str] = ()
) -> list[str]:
    """Joins every flag to its value, as `join_values` does.

    Args:
        arguments: The arguments as typed.
        described: The options. If a switch and an option with a value share a flag, the last of them counts.
        valued: Further flags that take one value.
    """
    is_switch = {item.flag: item.switch for item in described}
    switches = {flag for flag, switch in is_switch.items() if switch}
    return join_values(arguments, {*(is_switch.keys() - switches), *valued}, switches)
