"""Components that a program registers for its own process, without a plug-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, Component, Options, PhaseComponent, nearest
from priorkit.registry.outcomes import LoadedPlugin
from priorkit.registry.records import checked_components
from priorkit.registry.registry import GIVEN, REGISTERED, installed_plugins, use_registered

__all__ = ["register"]

Build = TypeVar("Build", bound=Callable[..., Any])

_registered: dict[tuple[str, str], Component[Any]] = {}


@overload
def register(kind: str, component: Component[Any]) -> None: ...
@overload
def register(
    kind: str, component: str, build: Build, *, options: type[Options] = ..., summary: str = ..., source: str = ...
) -> Build: ...
@overload
def register(
    kind: str, component: str, *, options: type[Options] = ..., summary: str = ..., source: str = ...
) -> Callable[[Build], Build]: ...
def register(
    kind: str,
    component: Component[Any] | str,
    build: Callable[..., Any] | None = None,
    *,
    options: type[Options] = Options,
    summary: str = "registered by this program",
    source: str = "this program",
) -> Any:
    """Makes a component available in this process, under a name: `register("prior", "laplace", build)`.

    It is then chosen like any other, `RunConfig(prior="laplace")`, and may be registered again, for example by
    repeating a notebook's cell. Runs store only its name: code that loads such a run must register it first. Components
    for others belong into a plug-in (`priorkit new-plugin`).

    Args:
        kind: The kind, as a configuration names it: `prior`, `loss`, `networks`, `dataset`, `phase`, ...
        component: The name, or a whole record.
        build: Called as `build(options, context)`, it makes the component; without it, `register` is a decorator.
        options: The class of its options.
        summary: One line for lists of components.
        source: The origin of the component.

    Returns:
        `build`; or the decorator; or None for a whole record.

    Raises:
        ConfigurationError: There is no such kind, a plug-in has the name, or something is wrong with the record.

    Examples:
        >>> import priorkit
        >>> from priorkit.interfaces import ReconstructionLoss
        >>> class AbsoluteError(ReconstructionLoss):
        ...     def forward(self, reconstruction, image, image_critic=None):
        ...         return (reconstruction - image).abs().mean()
        >>> _ = priorkit.register("loss", "absolute-error", lambda options, context: AbsoluteError())
        >>> priorkit.RunConfig(loss="absolute-error").loss.name
        'absolute-error'
    """
    slot = _slot(kind)
    if isinstance(component, Component):
        _add(slot, component)
        return None

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        record = PhaseComponent if slot == "phases" else Component
        _add(slot, record(component, options, function, summary, source))
        return function

    return add if build is None else add(build)


def _slot(kind: str) -> str:
    named = {**{known.slot: known.slot for known in KINDS}, **{known.title: known.slot for known in KINDS}}
    wanted = kind.replace("-", "_") if isinstance(kind, str) else kind
    if wanted not in named:
        known = [each.slot for each in KINDS]
        raise ConfigurationError(
            f"register: unknown kind {kind!r}{nearest(str(kind), known)} Known: {', '.join(known)}."
        )
    return named[wanted]


def _add(slot: str, component: Component[Any]) -> None:
    try:
        checked_components([component], "register")
    except (TypeError, ValueError) as error:
        raise ConfigurationError(str(error)) from error
    name = component.name
    owners = [
        item.distribution
        for item in installed_plugins().components(slot)
        if item.component.name == name and item.distribution != REGISTERED
    ]
    if owners or name == GIVEN:
        raise ConfigurationError(
            f"register: {owners[0] if owners else 'priorkit'} has a component {name!r} of this kind; choose another "
            "name"
        )
    _registered[slot, name] = component
    components = tuple((slot, item) for (slot, _), item in _registered.items())
    use_registered(LoadedPlugin(REGISTERED, REGISTERED, "", components, ()))
