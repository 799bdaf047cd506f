"""The registry: every component and recipe that the loaded plug-ins supply, by name."""

import difflib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from priorkit.errors import UnknownComponentError
from priorkit.plugins.component import Component, Recipe
from priorkit.plugins.hooks import KINDS, kind_named
from priorkit.plugins.loader import BUILTIN, FailedPlugin, LoadedPlugin, PluginWarning, load_plugins

__all__ = ["Registered", "Registry", "installed_plugins", "nearest"]


@dataclass(frozen=True)
class Registered:
    """A component and where it came from."""

    component: Component[Any]
    slot: str
    distribution: str
    version: str

    @property
    def qualified_name(self) -> str:
        """`distribution:name`, which names it even where another plug-in uses the same name."""
        return f"{self.distribution}:{self.component.name}"


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Ends a sentence about an unknown name: `; did you mean 'x'?` for the closest candidate, or a full stop."""
    close = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else "."


@dataclass(frozen=True)
class Registry:
    """Looks components and recipes up by kind and name.

    Attributes:
        plugins: The plug-ins that work.
        failures: Those that do not.
    """

    plugins: Sequence[LoadedPlugin]
    failures: Sequence[FailedPlugin] = ()
    _components: dict[tuple[str, str], list[Registered]] = field(default_factory=dict, repr=False)
    _recipes: dict[str, list[tuple[Recipe, str]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for plugin in self.plugins:
            for slot, component in plugin.components:
                registered = Registered(component, slot, plugin.distribution, plugin.version)
                self._components.setdefault((slot, component.name), []).append(registered)
            for recipe in plugin.recipes:
                self._recipes.setdefault(recipe.name, []).append((recipe, plugin.distribution))

    def components(self, slot: str) -> list[Registered]:
        """All components of a kind, sorted by name, those that lose a bare name included."""
        found = [item for (kind, _), items in self._components.items() if kind == slot for item in items]
        return sorted(found, key=lambda item: (item.component.name, item.distribution != BUILTIN, item.distribution))

    def names(self, slot: str) -> list[str]:
        """The bare names of a kind, sorted."""
        return sorted(name for kind, name in self._components if kind == slot)

    def get(self, slot: str, name: str) -> Registered:
        """Looks a component up by `name` or `distribution:name`.

        Raises:
            UnknownComponentError: There is none; the message has the nearest name, all names, and plug-ins that failed.
        """
        kind = kind_named(slot)
        distribution, _, bare = name.rpartition(":")
        candidates = self._components.get((slot, bare), [])
        if distribution:
            candidates = [item for item in candidates if item.distribution == distribution]
        if not candidates:
            # Two distributions may share a name with the missing one; say which kinds know it, too.
            elsewhere = [other.flag for other in KINDS if other.slot != slot and (other.slot, bare) in self._components]
            hint = f" ({bare!r} goes with {' or '.join(elsewhere)})" if elsewhere else ""
            raise UnknownComponentError(
                f"unknown {kind.title} {name!r}{hint}{nearest(bare, self.names(slot))} "
                f"Known: {', '.join(self.names(slot)) or 'none'}.{self._broken()}"
            )
        if len(candidates) > 1 and not distribution:
            candidates = self._settle(kind.title, bare, candidates)
        return candidates[0]

    def recipe(self, name: str) -> Recipe:
        """Looks a recipe up by name.

        Raises:
            UnknownComponentError: There is none.
        """
        candidates = self._recipes.get(name, [])
        if not candidates:
            known = sorted(self._recipes)
            raise UnknownComponentError(
                f"unknown recipe {name!r}{nearest(name, known)} Known: {', '.join(known) or 'none'}. "
                f"A path to a configuration must end in .toml.{self._broken()}"
            )
        if len(candidates) > 1:
            owners = ", ".join(owner for _, owner in candidates)
            warnings.warn(
                f"recipe {name!r} comes from {owners}; using {candidates[0][1]}'s", PluginWarning, stacklevel=2
            )
        return candidates[0][0]

    def recipes(self) -> list[Recipe]:
        """All recipes, sorted by name."""
        return [items[0][0] for _, items in sorted(self._recipes.items())]

    def _settle(self, title: str, name: str, candidates: list[Registered]) -> list[Registered]:
        owners = ", ".join(item.qualified_name for item in candidates)
        builtin = [item for item in candidates if item.distribution == BUILTIN]
        if not builtin:
            raise UnknownComponentError(f"{title} {name!r} is ambiguous: say which one, {owners}")
        warnings.warn(
            f"{title} {name!r} comes from several plug-ins ({owners}); using priorkit's own",
            PluginWarning,
            stacklevel=3,
        )
        return builtin

    def _broken(self) -> str:
        if not self.failures:
            return ""
        broken = ", ".join(f"{failure.entry_point} ({failure.distribution})" for failure in self.failures)
        return f" Plug-ins that could not be loaded: {broken}; see `priorkit plugins`."


@cache
def installed_plugins() -> Registry:
    """The registry of the installed plug-ins, loaded once a process."""
    return Registry(*load_plugins())
