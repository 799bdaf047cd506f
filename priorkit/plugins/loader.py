"""Finds and imports plug-ins, one entry point at a time, so that a broken one stops nothing but itself."""

import contextlib
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import get_args

import pluggy

from priorkit.plugins.component import Component, Options, Recipe, is_component_name
from priorkit.plugins.hooks import GROUP, KINDS, Hooks, supplied

__all__ = ["BUILTIN", "FailedPlugin", "LoadedPlugin", "PluginWarning", "load_plugins"]

BUILTIN = "priorkit"
"""The distribution whose components win a bare name."""

_RESERVED = frozenset({"name", "options"})
"""Keys with a meaning of their own beside a component's options in a configuration."""


class PluginWarning(UserWarning):
    """A plug-in could not be loaded, or two of them use one name."""


@dataclass(frozen=True)
class LoadedPlugin:
    """A plug-in that works.

    Attributes:
        entry_point: Its name in the entry-point group.
        distribution: The distribution that brought it.
        version: That distribution's version.
        components: What it supplies: the slot of the kind, and the record.
        recipes: The recipes it supplies.
    """

    entry_point: str
    distribution: str
    version: str
    components: tuple[tuple[str, Component[object]], ...]
    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class FailedPlugin:
    """A plug-in that could not be loaded, and why."""

    entry_point: str
    distribution: str
    version: str
    target: str
    error: str


def _names(variable: str, environment: Mapping[str, str]) -> set[str] | None:
    value = environment.get(variable)
    return None if value is None else {_normal(name.strip()) for name in value.split(",") if name.strip()}


def _normal(name: str) -> str:
    """Names of distributions are equal if they differ in case, or in hyphens, underscores and dots."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _origin(entry_point: metadata.EntryPoint) -> tuple[str, str]:
    """The name and version of the distribution that brought an entry point, as far as its metadata can be read."""
    name = version = None
    # An interrupted installation leaves folders behind that have entry points, but no name.
    with contextlib.suppress(Exception):
        if entry_point.dist:
            name, version = entry_point.dist.name, entry_point.dist.version
    return name or "?", version or "?"


def _wanted(
    entry_points: Iterable[metadata.EntryPoint], environment: Mapping[str, str]
) -> list[tuple[metadata.EntryPoint, str, str]]:
    """Applies the environment's allow and deny lists, of entry points or distributions, before anything is imported."""
    allowed = _names("PRIORKIT_PLUGINS", environment)
    disabled = _names("PRIORKIT_DISABLE_PLUGINS", environment) or set()
    wanted = []
    for entry_point in entry_points:
        distribution, version = _origin(entry_point)
        known_as = {_normal(entry_point.name), _normal(distribution)}
        # The built-in components stay unless they are disabled by name: an allow-list is about other people's.
        if known_as & disabled or (allowed is not None and distribution != BUILTIN and not known_as & allowed):
            continue
        wanted.append((entry_point, distribution, version))
    return sorted(wanted, key=lambda item: (item[1] != BUILTIN, item[1], item[0].name))


def _check_record(record: Component[object] | Recipe, hook: str, what: str) -> None:
    """Checks what components and recipes have in common."""
    if not isinstance(record.name, str) or not is_component_name(record.name):
        raise ValueError(f"{hook}(): the {what} name {record.name!r} is not lower-case words joined by hyphens")
    for attribute in ("summary", "source"):
        text = getattr(record, attribute)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{hook}(): the {attribute} of {record.name!r} is {text!r}, not a line of text")


def _check_options(options: object, name: str, hook: str) -> None:
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise TypeError(f"{hook}(): the options of {name!r} are no subclass of Options")
    for field in _RESERVED & options.model_fields.keys():
        raise ValueError(f"{hook}(): the options of {name!r} have a field {field!r}, which is reserved: rename it")
    for field, info in options.model_fields.items():
        default = info.get_default(call_default_factory=True, validated_data={})
        if type(None) in get_args(info.annotation) and default is not None:
            # TOML has no null: a key that is left out must mean None.
            raise ValueError(
                f"{hook}(): the options of {name!r} have a field {field!r} that may be None but does not default to "
                "it, which a configuration file cannot say: make None the default, or take another value for it"
            )


def _check_unique(names: Iterable[str], hook: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{hook}() gave {count} records of the name {name!r}")


def _collect(manager: pluggy.PluginManager, plugin: object) -> tuple[list[tuple[str, Component[object]]], list[Recipe]]:
    """Calls a plug-in's own hooks and checks the records that they return."""
    components: list[tuple[str, Component[object]]] = []
    recipes: list[Recipe] = []
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or []}
    for kind in KINDS:
        for implementation in callers[kind.hook].get_hookimpls() if kind.hook in callers else []:
            for record in supplied(implementation.function()):
                if not isinstance(record, Component):
                    raise TypeError(f"{kind.hook}() gave {record!r}, not a Component")
                _check_record(record, kind.hook, "component")
                _check_options(record.options, record.name, kind.hook)
                if not callable(record.build):
                    raise TypeError(f"{kind.hook}(): the build of {record.name!r} cannot be called")
                components.append((kind.slot, record))
        _check_unique((record.name for slot, record in components if slot == kind.slot), kind.hook)
    for implementation in callers["priorkit_recipes"].get_hookimpls() if "priorkit_recipes" in callers else []:
        for record in supplied(implementation.function()):
            if not isinstance(record, Recipe):
                raise TypeError(f"priorkit_recipes() gave {record!r}, not a Recipe")
            _check_record(record, "priorkit_recipes", "recipe")
            if not isinstance(record.settings, Mapping):
                raise TypeError(f"priorkit_recipes(): the settings of {record.name!r} are no mapping")
            recipes.append(record)
    _check_unique((recipe.name for recipe in recipes), "priorkit_recipes")
    return components, recipes


def _load_one(entry_point: metadata.EntryPoint, distribution: str, version: str) -> LoadedPlugin:
    plugin = entry_point.load()
    # A manager of its own: what this plug-in gets wrong cannot touch another one.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    manager.register(plugin, entry_point.name)
    manager.check_pending()
    if not manager.get_hookcallers(plugin):
        raise ValueError("it implements none of priorkit's hooks (are they marked with @hookimpl?)")
    components, recipes = _collect(manager, plugin)
    return LoadedPlugin(entry_point.name, distribution, version, tuple(components), tuple(recipes))


def load_plugins(
    entry_points: Iterable[metadata.EntryPoint] | None = None, environment: Mapping[str, str] | None = None
) -> tuple[list[LoadedPlugin], list[FailedPlugin]]:
    """Imports every plug-in of the entry-point group `priorkit`.

    Args:
        entry_points: Where to look; the installed distributions if None.
        environment: For `PRIORKIT_PLUGINS` (an allow-list), `PRIORKIT_DISABLE_PLUGINS` and `PRIORKIT_STRICT_PLUGINS`;
            the process's environment if None. Lists are comma-separated names of entry points or distributions.

    Returns:
        The plug-ins that work, the built-in ones first, and those that do not.

    Raises:
        ImportError: A plug-in is broken and `PRIORKIT_STRICT_PLUGINS` is 1.
    """
    environment = os.environ if environment is None else environment
    strict = environment.get("PRIORKIT_STRICT_PLUGINS", "") not in ("", "0")
    loaded: list[LoadedPlugin] = []
    failed: list[FailedPlugin] = []
    found = metadata.entry_points(group=GROUP) if entry_points is None else entry_points
    for entry_point, distribution, version in _wanted(found, environment):
        try:
            loaded.append(_load_one(entry_point, distribution, version))
        except (Exception, SystemExit) as error:
            message = " ".join(f"{type(error).__name__}: {error}".split())
            if strict:
                raise ImportError(
                    f"plug-in {entry_point.name!r} of {distribution} {version} is broken ({message}), "
                    "and PRIORKIT_STRICT_PLUGINS is set"
                ) from error
            failed.append(FailedPlugin(entry_point.name, distribution, version, entry_point.value, message))
    for failure in failed:
        warnings.warn(
            f"plug-in {failure.entry_point!r} of {failure.distribution} {failure.version} is broken and left out "
            f"(`priorkit plugins` says more): {failure.error}",
            PluginWarning,
            stacklevel=2,
        )
    return loaded, failed
