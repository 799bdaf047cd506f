"""Builds single components of a configuration; errors say which component they come from."""

from typing import TypeVar

from priorkit.config import ComponentChoice, RunConfig, component_options
from priorkit.errors import ConfigurationError, PluginError, PriorkitError
from priorkit.registry import Registry
from priorkit.registry.guard import refusing

__all__ = ["build_choice", "build_component", "build_optional"]

T = TypeVar("T")


def build_component(
    config: RunConfig,
    registry: Registry,
    slot: str,
    interface: type[T],
    context: object,
    refusal: type[PriorkitError] = ConfigurationError,
) -> T:
    """Builds the component that a configuration chooses for a slot, and checks that it implements its interface.

    Args:
        config: The configuration.
        registry: Where components come from.
        slot: The kind of component.
        interface: The class that the component must be an instance of.
        context: The context for the plug-in's `build` function.
        refusal: The error class that replaces the plug-in's own ValueError.

    Raises:
        UnknownComponentError: No plug-in supplies this component.
        ConfigurationError: Its options are wrong.
        PluginError: The plug-in built something else, or a third party's plug-in failed to build the component.
        PriorkitError: The plug-in refuses to build the component.
    """
    made = build_optional(config, registry, slot, interface, context, refusal)
    if made is None:
        raise _unexpected(config, registry, slot, None, interface)
    return made


def build_optional(
    config: RunConfig,
    registry: Registry,
    slot: str,
    interface: type[T],
    context: object,
    refusal: type[PriorkitError] = ConfigurationError,
) -> T | None:
    """Like `build_component`, for a kind whose plug-ins may build None."""
    choice: ComponentChoice = getattr(config, slot)
    made = build_choice(choice, registry, slot, context, refusal)
    if made is not None and not isinstance(made, interface):
        raise _unexpected(config, registry, slot, made, interface)
    return made


def build_choice(
    choice: ComponentChoice,
    registry: Registry,
    slot: str,
    context: object,
    refusal: type[PriorkitError] = ConfigurationError,
) -> object:
    """Like `build_component`, without checking the interface."""
    registered = registry.get(slot, choice.name)
    options = component_options(registered, choice.options)
    given = f"--{slot.replace('_', '-')} {choice.name}"
    with refusing(registered, given, refusal):
        made: object = registered.component.build(options, context)
    return made


def _unexpected(config: RunConfig, registry: Registry, slot: str, made: object, interface: type[object]) -> PluginError:
    name = getattr(config, slot).name
    registered = registry.get(slot, name)
    built = f"a {type(made).__name__}, not a {interface.__name__}"
    if isinstance(made, type):
        built = f"the class {made.__name__} itself, not an instance of it: call it"
    return PluginError(
        f"--{slot.replace('_', '-')} {name}: its plug-in ({registered.distribution} {registered.version}) built "
        f"{built}; this is a mistake in the plug-in"
    )
