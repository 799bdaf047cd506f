"""Finds the entry points of plug-ins that are wanted, before anything of them is imported."""

import contextlib
import difflib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from priorkit.plugins.hooks import GROUP

__all__ = ["BUILTIN", "Unregistered", "discovered", "is_strict", "loaded_from_elsewhere", "unregistered"]

BUILTIN = "priorkit"
"""The distribution whose components win a bare name."""


def _names(variable: str, environment: Mapping[str, str]) -> set[str] | None:
    value = environment.get(variable)
    return None if value is None else {canonicalize_name(name.strip()) for name in value.split(",") if name.strip()}


def _origin(entry_point: metadata.EntryPoint) -> tuple[str, str]:
    """The name and version of the distribution that brought an entry point, as far as its metadata can be read."""
    name = version = None
    # An interrupted installation leaves folders behind that have entry points, but no name.
    with contextlib.suppress(Exception):
        if entry_point.dist:
            name, version = entry_point.dist.name, entry_point.dist.version
    return name or "?", version or "?"


def discovered(
    environment: Mapping[str, str], entry_points: Iterable[metadata.EntryPoint] | None = None
) -> list[tuple[metadata.EntryPoint, str, str]]:
    """The entry points that the environment's allow and deny lists leave, with their distributions and versions.

    Args:
        environment: The lists, which hold names of entry points or distributions.
        entry_points: Where to look; in the group `priorkit` of the installed distributions if None.
    """
    allowed = _names("PRIORKIT_PLUGINS", environment)
    disabled = _names("PRIORKIT_DISABLE_PLUGINS", environment) or set()
    admitted = []
    for entry_point in metadata.entry_points(group=GROUP) if entry_points is None else entry_points:
        distribution, version = _origin(entry_point)
        known_as = {canonicalize_name(entry_point.name), canonicalize_name(distribution)}
        # The built-in components stay unless they are disabled by name: an allow-list is about other people's.
        if known_as & disabled or (allowed is not None and distribution != BUILTIN and not known_as & allowed):
            continue
        admitted.append((entry_point, distribution, version))
    return sorted(admitted, key=lambda item: (item[1] != BUILTIN, item[1], item[0].name))


@dataclass(frozen=True)
class Unregistered:
    """A distribution that requires priorkit and has no entry point by which it would be found.

    Attributes:
        distribution: Its name.
        version: Its version.
        group: A group of its entry points whose name is nearly right; empty if there is none.
    """

    distribution: str
    version: str
    group: str = ""

    @property
    def explanation(self) -> str:
        """What is missing, and how an author of a plug-in mends it."""
        missing = f"requires priorkit, but has no entry point in the group {GROUP!r}"
        mend = f"[project.entry-points.{GROUP}] in its pyproject.toml"
        if self.group:
            return f"{missing}: its group is called {self.group!r}; rename it to {mend}, and install it again"
        return f"{missing}; if it is a plug-in, name its module under {mend}, and install it again"


def unregistered(distributions: Iterable[metadata.Distribution] | None = None) -> list[Unregistered]:
    """The distributions that require priorkit, but from which no plug-in comes, sorted by name.

    Args:
        distributions: Where to look; the installed ones if None. Of several with one name, the first counts, as it does
            where modules are imported.
    """
    found: dict[str, Unregistered | None] = {}
    for distribution in metadata.distributions() if distributions is None else distributions:
        # Some have been installed by half, or by hand.
        with contextlib.suppress(Exception):
            name = canonicalize_name(distribution.name)
            if name not in found:
                found[name] = None if name == BUILTIN else _unregistered(distribution)
    return [item for _, item in sorted(found.items()) if item is not None]


def _required(distribution: metadata.Distribution) -> Iterator[str]:
    """The names of the distributions that one requires; what is no requirement is left out."""
    from packaging.requirements import InvalidRequirement, Requirement  # takes a while, and one command needs it

    for text in distribution.requires or ():
        with contextlib.suppress(InvalidRequirement):
            yield canonicalize_name(Requirement(text).name)


def _unregistered(distribution: metadata.Distribution) -> Unregistered | None:
    groups = {entry_point.group for entry_point in distribution.entry_points}
    if BUILTIN not in _required(distribution) or GROUP in groups:
        return None
    spelt = {group.lower(): group for group in sorted(groups)}
    near = difflib.get_close_matches(GROUP, spelt, n=1)
    return Unregistered(distribution.name, distribution.version or "?", spelt[near[0]] if near else "")


def is_strict(environment: Mapping[str, str] | None = None) -> bool:
    """Whether `PRIORKIT_STRICT_PLUGINS` asks for plug-ins' errors as they are."""
    return (os.environ if environment is None else environment).get("PRIORKIT_STRICT_PLUGINS", "") not in ("", "0")


def loaded_from_elsewhere(entry_point: metadata.EntryPoint) -> str | None:
    """The file of an entry point's module, where its distribution has installed another one for that module."""
    file = getattr(sys.modules.get(entry_point.module), "__file__", None)
    stem = entry_point.module.replace(".", "/")
    # One that is installed to be edited lists no such file.
    with contextlib.suppress(Exception):
        for listed in (entry_point.dist and entry_point.dist.files) or ():
            own = Path(str(listed.locate()))
            if file and listed.as_posix() in (f"{stem}.py", f"{stem}/__init__.py") and not own.samefile(file):
                return str(file)
    return None
