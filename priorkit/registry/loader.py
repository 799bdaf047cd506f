"""Imports plug-ins, one entry point at a time, so that a broken plug-in does not affect others."""

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata

import pluggy

from priorkit.plugins import PluginWarning
from priorkit.plugins.component import Component, Recipe
from priorkit.plugins.hooks import GROUP, KINDS, RENAMED_HOOKS, Hooks
from priorkit.plugins.wording import nearest
from priorkit.registry.blame import SourcePlace, error_in_words, place_of, place_of_code, traceback_of
from priorkit.registry.discovery import BUILTIN, discovered, is_strict, loaded_from_elsewhere
from priorkit.registry.outcomes import FailedPlugin, LoadedPlugin
from priorkit.registry.records import checked_components, checked_recipes

__all__ = ["load_plugins"]

_SLOW = 0.5
"""Loading time in seconds beyond which a plug-in is noted as slow."""
_RECIPES = "priorkit_recipes"
_SLOTS = {kind.hook: kind.slot for kind in KINDS}
_HOOKS = (*_SLOTS, _RECIPES)


def _hooks(plugin: object, name: str) -> Iterator[tuple[str, pluggy.HookImpl]]:
    """The hooks that a plug-in implements: unknown hooks first, then those of the kinds in their order.

    Raises:
        PluginValidationError: One of them takes arguments.
        ValueError: There are none.
    """
    # A separate manager, so that this plug-in's mistakes cannot affect others.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    manager.register(plugin, name)
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or []}
    if not callers:
        raise ValueError("it implements none of priorkit's hooks (are they marked with @hookimpl?)")
    for hook in [*(callers.keys() - set(_HOOKS)), *(hook for hook in _HOOKS if hook in callers)]:
        yield from ((hook, implementation) for implementation in callers[hook].get_hookimpls())


def _by_current_names(
    hooks: Sequence[tuple[str, pluggy.HookImpl]], plugin: str, notes: list[str]
) -> Iterator[tuple[str, pluggy.HookImpl]]:
    """Hooks by the names that they have now; a former name beside its current one is for earlier versions."""
    for hook, implementation in hooks:
        renamed = RENAMED_HOOKS.get(hook)
        if renamed is None:
            yield hook, implementation
        elif all(other != renamed.instead for other, _ in hooks):
            what = f"the hook {hook!r} of plug-in {plugin!r}"
            renamed.warn(what)
            notes.append(renamed.message(what))
            yield renamed.instead, implementation


def _load(
    entry_point: metadata.EntryPoint, visited: list[SourcePlace | None], notes: list[str]
) -> tuple[list[tuple[str, Component[object]]], list[Recipe]]:
    """Imports a plug-in, calls its hooks, and checks the records that they return.

    Args:
        entry_point: The plug-in.
        visited: Receives the visited places; the last is blamed for mistakes that raise no error themselves.
        notes: Receives notes for the plug-in's author.
    """
    components: list[tuple[str, Component[object]]] = []
    recipes: list[Recipe] = []
    found = entry_point.pattern.match(entry_point.value)
    if found is None or "" in found["module"].split("."):
        raise ValueError(
            f"its entry point {entry_point.value!r} names no module: 'package.module' or 'package.module:object' is "
            "expected"
        )
    plugin = entry_point.load()
    visited.append(place_of_code(plugin))
    for hook, implementation in _by_current_names(list(_hooks(plugin, entry_point.name)), entry_point.name, notes):
        visited.append(place_of_code(implementation.function))
        if hook in _SLOTS:
            given = implementation.function()
            components += [(_SLOTS[hook], record) for record in checked_components(given, hook)]
        elif hook == _RECIPES:
            recipes += checked_recipes(implementation.function(), hook)
        elif not implementation.optionalhook:
            raise ValueError(f"unknown hook {hook!r}{nearest(hook, _HOOKS)}")
    return components, recipes


@contextlib.contextmanager
def _noting() -> Iterator[list[str]]:
    """Yields a list that receives notes for the plug-in's author about its loading."""
    notes: list[str] = []
    had_torch, start = "torch" in sys.modules, time.perf_counter()
    try:
        yield notes
    finally:
        seconds = time.perf_counter() - start
        if seconds > _SLOW:
            notes.append(f"took {seconds:.1f} s to load: import what takes long inside `build`")
        if not had_torch and "torch" in sys.modules:
            notes.append("imported torch: import it inside `build`, so that commands stay quick")


def _load_one(
    entry_point: metadata.EntryPoint, distribution: str, version: str, *, strict: bool
) -> LoadedPlugin | FailedPlugin:
    visited: list[SourcePlace | None] = [None]
    named = entry_point.name, distribution, version
    try:
        with _noting() as notes:
            components, recipes = _load(entry_point, visited, notes)
            if distribution != BUILTIN and (elsewhere := loaded_from_elsewhere(entry_point)):
                notes.append(f"its module is not the one that {distribution} has installed, but {elsewhere}")
    except BaseException as error:  # an entry module may as well call sys.exit()
        interrupted = isinstance(error, KeyboardInterrupt)
        if interrupted and distribution == BUILTIN:
            raise
        # If a hook's result is wrong, the traceback has no frame of the hook.
        place = place_of(error, entry_point.value.partition(":")[0].partition(".")[0].strip()) or visited[-1]
        if interrupted:
            # The user may have interrupted a slow plug-in, and should know which.
            raise KeyboardInterrupt(
                f"interrupted while plug-in {entry_point.name!r} of {distribution} {version} was being loaded"
                f"{f' ({place})' if place else ''}; PRIORKIT_DISABLE_PLUGINS={entry_point.name} leaves it out"
            ) from error
        failure = FailedPlugin(
            *named,
            entry_point.value,
            error_in_words(error),
            file=place.file if place else "",
            line=place.line if place else None,
            traceback=traceback_of(error),
            notes=tuple(notes),
        )
        if strict:
            raise ImportError(
                f"plug-in {entry_point.name!r} of {distribution} {version} is broken ({failure.explanation}), "
                "and PRIORKIT_STRICT_PLUGINS is set"
            ) from error
        return failure
    return LoadedPlugin(*named, tuple(components), tuple(recipes), tuple(notes))


def load_plugins(
    entry_points: Iterable[metadata.EntryPoint] | None = None, environment: Mapping[str, str] | None = None
) -> tuple[list[LoadedPlugin], list[FailedPlugin]]:
    """Imports every plug-in of the entry-point group `priorkit`.

    Args:
        entry_points: The entry points; those of the installed distributions if None.
        environment: For `PRIORKIT_PLUGINS` (an allow-list), `PRIORKIT_DISABLE_PLUGINS` and `PRIORKIT_STRICT_PLUGINS`;
            the process's environment if None. Lists are comma-separated names of entry points or distributions.

    Returns:
        The loaded plug-ins, built-in ones first, and those that failed.

    Raises:
        ImportError: A plug-in is broken and `PRIORKIT_STRICT_PLUGINS` is 1.
        KeyboardInterrupt: Ctrl-C was pressed; the message says which plug-in was being loaded.

    Examples:
        >>> from priorkit.registry import load_plugins
        >>> loaded, failed = load_plugins(environment={"PRIORKIT_PLUGINS": ""})
        >>> {plugin.distribution for plugin in loaded}, failed
        ({'priorkit'}, [])
    """
    environment = os.environ if environment is None else environment
    loaded: list[LoadedPlugin] = []
    failed: list[FailedPlugin] = []
    # Read before any import, like the lists, so that no plug-in can change it for later ones.
    strict = is_strict(environment)
    for entry_point, distribution, version in discovered(environment, entry_points):
        outcome = _load_one(entry_point, distribution, version, strict=strict)
        if isinstance(outcome, LoadedPlugin):
            loaded.append(outcome)
        else:
            failed.append(outcome)
    for failure in failed:
        warnings.warn(
            f"plug-in {failure.entry_point!r} of {failure.distribution} {failure.version} is broken and left out "
            f"(`priorkit plugins` says more): {failure.explanation}",
            PluginWarning,
            stacklevel=2,
        )
    return loaded, failed
