"""Finds the entry points of plug-ins that are wanted, before anything of them is imported."""

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from priorkit.plugins.hooks import GROUP

__all__ = ["BUILTIN", "discovered", "is_strict", "loaded_from_elsewhere"]

BUILTIN = "priorkit"
"""The distribution whose components win a bare name."""


def _names(variable: str, environment: Mapping[str, str]) -> set[str] | None:
    value = environment.get(variable)
    return None if value is None else {_normal(name.strip()) for name in value.split(",") if name.strip()}


def _normal(name: str) -> str:
    """One spelling for names of distributions that are equal: in any case, with hyphens, underscores or dots."""
    return re.sub(r"[-_.]+", "-", name).lower()


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
        known_as = {_normal(entry_point.name), _normal(distribution)}
        # The built-in components stay unless they are disabled by name: an allow-list is about other people's.
        if known_as & disabled or (allowed is not None and distribution != BUILTIN and not known_as & allowed):
            continue
        admitted.append((entry_point, distribution, version))
    return sorted(admitted, key=lambda item: (item[1] != BUILTIN, item[1], item[0].name))


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
