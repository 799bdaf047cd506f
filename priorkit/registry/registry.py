"""The registry: every component and recipe that the loaded plug-ins supply, by name."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from priorkit.errors import UnknownComponentError
from priorkit.plugins import PluginWarning
from priorkit.plugins.component import Component, Recipe
from priorkit.plugins.hooks import KINDS, kind_named
from priorkit.plugins.wording import nearest
from priorkit.registry.discovery import BUILTIN
from priorkit.registry.loader import load_plugins
from priorkit.registry.outcomes import FailedPlugin, LoadedPlugin

__all__ = ["GIVEN", "REGISTERED", "Registered", "Registry", "bare_name", "installed_plugins", "use_registered"]

GIVEN = "given"
"""The distribution, and the name, of components that Python code gives."""
REGISTERED = "registered"
"""The distribution of components that a program has registered."""
_HINT = (
    "Is its plug-in installed, and does its pyproject.toml name it under [project.entry-points.priorkit]? "
    "`priorkit plugins` lists what was found."
)


def bare_name(name: str) -> str:
    """Returns a component's name without its distribution.

    Examples:
        >>> from priorkit.registry import bare_name
        >>> bare_name("priorkit-laplace:laplace"), bare_name("gaussian")
        ('laplace', 'gaussian')
    """
    return name.rpartition(":")[2]


@dataclass(frozen=True)
class Registered:
    """A component with its distribution.

    Examples:
        >>> from priorkit.registry import installed_plugins
        >>> installed_plugins().get("prior", "gaussian").qualified_name
        'priorkit:gaussian'
    """

    component: Component[Any]
    slot: str
    distribution: str
    version: str

    @property
    def package(self) -> str:
        """The top-level module that builds it; empty if unknown."""
        modules = [getattr(item, "__module__", None) or "" for item in (self.component.build, self.component.options)]
        packages = [module.partition(".")[0] for module in modules]
        return next((package for package in packages if package not in ("", "functools", "priorkit")), "")

    @property
    def qualified_name(self) -> str:
        """`distribution:name`, which is unambiguous even if another plug-in uses the same name."""
        return f"{self.distribution}:{self.component.name}"

    @property
    def table(self) -> tuple[str, ...]:
        """The configuration keys of its options, including its name if a run may have several of its kind."""
        return (self.slot, self.component.name) if kind_named(self.slot).several else (self.slot,)


def _suggestion(bare: str, owners: Sequence[str], names: Iterable[str]) -> str:
    """Ends a sentence about an unknown name: suggests the distributions that supply it."""
    if owners:
        return f"; did you mean {' or '.join(repr(f'{owner}:{bare}') for owner in owners)}?"
    return nearest(bare, names)


@dataclass(frozen=True)
class Registry:
    """Looks components and recipes up by kind and name.

    Attributes:
        plugins: The loaded plug-ins.
        failures: The plug-ins that failed.
        given: Descriptions of objects that Python code gives, by argument.

    Examples:
        >>> from priorkit.registry import installed_plugins
        >>> registry = installed_plugins()
        >>> "learned" in registry.names("prior")
        True
        >>> registry.get("prior", "gaussian").distribution
        'priorkit'
    """

    plugins: Sequence[LoadedPlugin]
    failures: Sequence[FailedPlugin] = ()
    _components: dict[tuple[str, str], list[Registered]] = field(default_factory=dict, repr=False)
    _recipes: dict[str, list[tuple[Recipe, str]]] = field(default_factory=dict, repr=False)
    given: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        for plugin in self.plugins:
            for slot, component in plugin.components:
                registered = Registered(component, slot, plugin.distribution, plugin.version)
                self._components.setdefault((slot, component.name), []).append(registered)
            for recipe in plugin.recipes:
                self._recipes.setdefault(recipe.name, []).append((recipe, plugin.distribution))

    def components(self, slot: str) -> list[Registered]:
        """All components of a kind, sorted by name, including those without priority for their bare name."""
        found = [item for (kind, _), items in self._components.items() if kind == slot for item in items]
        return sorted(found, key=lambda item: (item.component.name, item.distribution != BUILTIN, item.distribution))

    def names(self, slot: str) -> list[str]:
        """The bare names of a kind, sorted."""
        return sorted(name for kind, name in self._components if kind == slot)

    def get(self, slot: str, name: str) -> Registered:
        """Looks a component up by `name` or `distribution:name`.

        Raises:
            UnknownComponentError: Nothing has this name; the message lists near names, all names, and failed plug-ins.
        """
        kind = kind_named(slot)
        distribution, _, bare = name.rpartition(":")
        candidates = self._components.get((slot, bare), [])
        if distribution:
            candidates = [item for item in candidates if item.distribution == distribution]
        if not candidates and GIVEN in (distribution, bare):
            raise UnknownComponentError(
                f"{kind.title} {name!r}: Python code gave it, and does not give it here; use it from Python, as by "
                "priorkit.load_run(RUN, data=..., modules={...})"
            )
        if not candidates:
            names = self.names(slot)
            owners = [item.distribution for item in self._components.get((slot, bare), [])]
            elsewhere = [other.flag for other in KINDS if (other.slot, bare) in self._components]
            hint = f" ({bare!r} goes with {' or '.join(elsewhere)})" if elsewhere and not owners else ""
            raise UnknownComponentError(
                f"unknown {kind.title} {name!r}{hint}{_suggestion(bare, owners, names)} "
                f"Known: {', '.join(names) or 'none'}.{self._elsewhere()}"
            )
        return candidates[self._winner(kind.title, bare, [item.distribution for item in candidates])]

    def recipe(self, name: str) -> Recipe:
        """Looks a recipe up by `name` or `distribution:name`.

        Raises:
            UnknownComponentError: Nothing has this name; the message lists near names, all names, and failed plug-ins.
        """
        distribution, _, bare = name.rpartition(":")
        candidates = [item for item in self._recipes.get(bare, []) if not distribution or item[1] == distribution]
        if not candidates:
            known = sorted(self._recipes)
            owners = [owner for _, owner in self._recipes.get(bare, [])]
            raise UnknownComponentError(
                f"unknown recipe {name!r}{_suggestion(bare, owners, known)} Known: {', '.join(known) or 'none'}. "
                f"A path to a configuration must end in .toml.{self._elsewhere()}"
            )
        return candidates[self._winner("recipe", bare, [owner for _, owner in candidates])][0]

    def recipes(self) -> list[Recipe]:
        """The recipes of all names, sorted by name; of several with one name, the first."""
        return [items[0][0] for _, items in sorted(self._recipes.items())]

    def _winner(self, title: str, name: str, owners: Sequence[str]) -> int:
        """Which one of these distributions' records of one name is meant."""
        if len(owners) == 1:
            return 0
        if len(set(owners)) == 1:
            raise UnknownComponentError(
                f"{title} '{owners[0]}:{name}' is ambiguous: {len(owners)} plug-ins of {owners[0]} supply it; "
                "PRIORKIT_DISABLE_PLUGINS leaves plug-ins out, by the names that `priorkit plugins` shows"
            )
        choices = ", ".join(f"{owner}:{name}" for owner in dict.fromkeys(owners))
        if BUILTIN not in owners:
            raise UnknownComponentError(f"{title} {name!r} is ambiguous: say which one, {choices}")
        warnings.warn(
            f"{title} {name!r} comes from several plug-ins ({choices}); using priorkit's own",
            PluginWarning,
            stacklevel=3,
        )
        return owners.index(BUILTIN)

    def _elsewhere(self) -> str:
        """Why a plug-in that supplies an unknown name may not be among those that are loaded."""
        broken = ", ".join(f"{failure.entry_point} ({failure.distribution})" for failure in self.failures)
        told = f" Plug-ins that could not be loaded: {broken}." if broken else ""
        return f"{told} {_HINT}"


_registered: list[LoadedPlugin] = []


def use_registered(plugin: LoadedPlugin) -> None:
    """Has `installed_plugins` give what this process has registered, beside what is installed."""
    _registered[:] = [plugin]
    installed_plugins.cache_clear()


@cache
def installed_plugins() -> Registry:
    """The registry of the installed plug-ins, loaded once a process, and of what the process has registered."""
    plugins, failures = load_plugins()
    return Registry([*plugins, *_registered], failures)
