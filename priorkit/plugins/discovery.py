"""Finds the entry points of plug-ins, and which of them are wanted, before anything of them is imported."""

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from importlib import metadata

from priorkit.plugins.blame import error_in_words
from priorkit.plugins.hooks import GROUP
from priorkit.plugins.outcomes import FailedPlugin

__all__ = ["BUILTIN", "installed_entry_points", "is_strict", "normal_name", "wanted"]

BUILTIN = "priorkit"
"""The distribution whose components win a bare name."""


def _names(variable: str, environment: Mapping[str, str]) -> set[str] | None:
    value = environment.get(variable)
    return None if value is None else {normal_name(name.strip()) for name in value.split(",") if name.strip()}


def normal_name(name: str) -> str:
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


class _Lists:
    """The environment's allow and deny lists, of entry points or distributions."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._allowed = _names("PRIORKIT_PLUGINS", environment)
        self._disabled = _names("PRIORKIT_DISABLE_PLUGINS", environment) or set()

    def admit(self, entry_point: str, distribution: str) -> bool:
        known_as = {normal_name(entry_point), normal_name(distribution)}
        # The built-in components stay unless they are disabled by name: an allow-list is about other people's.
        allowed = self._allowed is None or distribution == BUILTIN or known_as & self._allowed
        return bool(allowed) and not known_as & self._disabled


def wanted(
    entry_points: Iterable[metadata.EntryPoint], environment: Mapping[str, str]
) -> list[tuple[metadata.EntryPoint, str, str]]:
    """The entry points that the environment does not leave out, each with the name and version of its distribution."""
    lists = _Lists(environment)
    named = [(entry_point, *_origin(entry_point)) for entry_point in entry_points]
    admitted = [item for item in named if lists.admit(item[0].name, item[1])]
    return sorted(admitted, key=lambda item: (item[1] != BUILTIN, item[1], item[0].name))


def installed_entry_points(environment: Mapping[str, str]) -> tuple[list[metadata.EntryPoint], list[FailedPlugin]]:
    """The entry points of all distributions, and those distributions whose list of them cannot be read."""
    try:
        return list(metadata.entry_points(group=GROUP)), []
    except Exception:
        return _readable_entry_points(_Lists(environment))


def _readable_entry_points(lists: _Lists) -> tuple[list[metadata.EntryPoint], list[FailedPlugin]]:
    """The same, one distribution after the other: importlib gives up at the first that it cannot read."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    unreadable: list[FailedPlugin] = []
    for distribution in metadata.distributions():
        text = ""
        try:
            name, version = distribution.metadata["Name"] or "?", distribution.version or "?"
            # Of a distribution that lies there twice, the first is what is imported.
            if normal_name(name) in found:
                continue
            text = distribution.read_text("entry_points.txt") or ""
            found[normal_name(name)] = list(distribution.entry_points.select(group=GROUP))
        except Exception as error:
            if f"[{GROUP}]" in text and lists.admit("?", name):
                reason = f"its list of entry points cannot be read: {error_in_words(error)}"
                unreadable.append(FailedPlugin("?", name, version, "entry_points.txt", reason))
    return [entry_point for entry_points in found.values() for entry_point in entry_points], unreadable


def is_strict(environment: Mapping[str, str] | None = None) -> bool:
    """Whether `PRIORKIT_STRICT_PLUGINS` asks for plug-ins' errors as they are."""
    return (os.environ if environment is None else environment).get("PRIORKIT_STRICT_PLUGINS", "") not in ("", "0")
