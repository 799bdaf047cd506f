"""Finds the entry points of enabled plug-ins, without importing them."""

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
"""The distribution whose components have priority for a bare name."""


def _names(variable: str, environment: Mapping[str, str]) -> set[str] | None:
    value = environment.get(variable)
    return None if value is None else {canonicalize_name(name.strip()) for name in value.split(",") if name.strip()}


def _origin(entry_point: metadata.EntryPoint) -> tuple[str, str]:
    """The name and version of an entry point's distribution, as far as its metadata can be read."""
    name = version = None
    # An interrupted installation may leave folders with entry points, but without a name.
    with contextlib.suppress(Exception):
        if entry_point.dist:
            name, version = entry_point.dist.name, entry_point.dist.version
    return name or "?", version or "?"


def discovered(
    environment: Mapping[str, str], entry_points: Iterable[metadata.EntryPoint] | None = None
) -> list[tuple[metadata.EntryPoint, str, str]]:
    """The entry points enabled by the environment's allow and deny lists, with their distributions and versions.

    Args:
        environment: The lists, which hold names of entry points or distributions.
        entry_points: The entry points; those of the installed distributions in the group `priorkit` if None.
    """
    allowed = _names("PRIORKIT_PLUGINS", environment)
    disabled = _names("PRIORKIT_DISABLE_PLUGINS", environment) or set()
    admitted = []
    for entry_point in metadata.entry_points(group=GROUP) if entry_points is None else entry_points:
        distribution, version = _origin(entry_point)
        known_as = {canonicalize_name(entry_point.name), canonicalize_name(distribution)}
        # Built-in components stay unless they are disabled by name: an allow-list applies to third parties'.
        if known_as & disabled or (allowed is not None and distribution != BUILTIN and not known_as & allowed):
            continue
        admitted.append((entry_point, distribution, version))
    return sorted(admitted, key=lambda item: (item[1] != BUILTIN, item[1], item[0].name))


@dataclass(frozen=True)
class Unregistered:
    """A distribution that requires priorkit but has no entry point for it.

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
        """What is missing, and how a plug-in's author can mend it."""
        missing = f"requires priorkit, but has no entry point in the group {GROUP!r}"
        mend = f"[project.entry-points.{GROUP}] in its pyproject.toml"
        if self.group:
            return f"{missing}: its group is called {self.group!r}; rename it to {mend}, and install it again"
        return f"{missing}; if it is a plug-in, name its module under {mend}, and install it again"


def unregistered(distributions: Iterable[metadata.Distribution] | None = None) -> list[Unregistered]:
    """The distributions that require priorkit but supply no plug-in, sorted by name.

    Args:
        distributions: The distributions; the installed ones if None. Of several with the same name, the first counts,
            as for imports.
    """
    found: dict[str, Unregistered | None] = {}
    for distribution in metadata.distributions() if distributions is None else distributions:
        # Some are incompletely installed, or installed by hand.
        with contextlib.suppress(Exception):
            name = canonicalize_name(distribution.name)
            if name not in found:
                found[name] = None if name == BUILTIN else _unregistered(distribution)
    return [item for _, item in sorted(found.items()) if item is not None]


def _required(distribution: metadata.Distribution) -> Iterator[str]:
    """The names of a distribution's requirements; invalid ones are left out."""
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
    """Whether `PRIORKIT_STRICT_PLUGINS` requests plug-ins' errors unchanged."""
    return (os.environ if environment is None else environment).get("PRIORKIT_STRICT_PLUGINS", "") not in ("", "0")


def loaded_from_elsewhere(entry_point: metadata.EntryPoint) -> str | None:
    """The file of an entry point's module, if it is not the one that its distribution has installed."""
    file = getattr(sys.modules.get(entry_point.module), "__file__", None)
    stem = entry_point.module.replace(".", "/")
    # An editable installation lists no such file.
    with contextlib.suppress(Exception):
        for listed in (entry_point.dist and entry_point.dist.files) or ():
            own = Path(str(listed.locate()))
            if file and listed.as_posix() in (f"{stem}.py", f"{stem}/__init__.py") and not own.samefile(file):
                return str(file)
    return None
