"""Options on the command line that belong to components which are not selected."""

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
    """Refuses options that a component has, but none of those selected.

    Args:
        foreign: Such flags, as they were typed.
        choices: Every component that is selected, by the path at which its options lie.
        registry: Where components come from.

    Raises:
        ConfigurationError: There is one; the message names the components that it belongs to.
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
