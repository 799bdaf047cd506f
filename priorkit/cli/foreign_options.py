"""Refuses options on the command line that belong to components which are not selected."""

from collections.abc import Mapping, Sequence

from priorkit.config import ComponentChoice, describe_fields, flag_for
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, kind_named
from priorkit.registry import Registry

__all__ = ["refuse_foreign"]

_LISTS = frozenset(kind.slot for kind in KINDS if kind.several)


def refuse_foreign(
    foreign: Sequence[str], choices: Mapping[tuple[str, ...], ComponentChoice], registry: Registry
) -> None:
    """Refuses options that no selected component has.

    Args:
        foreign: The flags of these options, as typed.
        choices: The selected components, by the path of their options in the configuration.
        registry: Where components come from.

    Raises:
        ConfigurationError: There is such an option; the message names the components that it belongs to.
    """
    for argument in foreign:
        flag = argument.partition("=")[0]
        slot, _, option = flag[2:].replace("-", "_").partition(".")
        path: tuple[str, ...] = (slot,)
        if slot in _LISTS:
            name, _, option = option.partition(".")
            path = (slot, name.replace("_", "-"))
            if path not in choices:
                listed = ",".join(choice.name for other, choice in choices.items() if other[0] == slot)
                raise ConfigurationError(
                    f"{flag}: {path[1]!r} is not among the {slot} of this run; name it too: {flag_for((slot,))} "
                    f"{listed},{path[1]}"
                )
        owners = [
            item.component.name for item in registry.components(slot) if option in item.component.options.model_fields
        ]
        options = registry.get(slot, choices[path].name).component.options
        if (moved := options.moved_options.get(option)) is not None:
            raise ConfigurationError(
                f"{flag}: {kind_named(slot).title} {choices[path].name!r} has no such option any more; use {moved}"
            )
        mine = describe_fields(options, path)
        raise ConfigurationError(
            f"{flag}: {kind_named(slot).title} {choices[path].name!r} has no option {option.replace('_', '-')!r}; it "
            f"belongs to {', '.join(owners)}. Options of {choices[path].name!r}: "
            f"{', '.join(item.flag for item in mine) or 'none'}."
        )
