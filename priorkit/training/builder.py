"""Builds single components of a configuration; errors say which component they come from."""

from typing import TypeVar

from priorkit.config import ComponentChoice, RunConfig, component_options
from priorkit.errors import ConfigurationError, PriorkitError
from priorkit.plugins import Registry

__all__ = ["build_component"]

T = TypeVar("T")


def build_component(
    config: RunConfig,
    registry: Registry,
    slot: str,
    interface: type[T],
    context: object,
    refusal: type[PriorkitError] = ConfigurationError,
) -> T:
    """Builds the component that a configuration has chosen for a slot, and holds it to its interface.

    Args:
        config: The configuration.
        registry: Where components come from.
        slot: Which kind.
        interface: What the component must be.
        context: What its plug-in is told.
        refusal: What a plug-in's own ValueError becomes.

    Raises:
        UnknownComponentError: No plug-in supplies it.
        ConfigurationError: Its options are wrong, or the plug-in built something else.
        PriorkitError: The plug-in refuses to build it.
    """
    choice: ComponentChoice = getattr(config, slot)
    registered = registry.get(slot, choice.name)
    options = component_options(registered, choice.options)
    given = f"--{slot.replace('_', '-')} {choice.name}"
    try:
        made = registered.component.build(options, context)
    except PriorkitError:
        raise
    except ValueError as error:
        raise refusal(f"{given}: {error}") from error
    if not isinstance(made, interface):
        raise ConfigurationError(
            f"{given}: its plug-in ({registered.distribution} {registered.version}) built a {type(made).__name__}, "
            f"not a {interface.__name__}; this is a mistake in the plug-in"
        )
    return made
