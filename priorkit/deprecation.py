"""What is deprecated: since which version, until which, and what takes its place.

A deprecated name, option or hook goes on working until the version that it announces, and warns where it is used.
"""

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

__all__ = [
    "FORMER_NAMES",
    "Deprecated",
    "DeprecatedOptionWarning",
    "deprecated_attributes",
    "overdue",
    "with_current_names",
]

_BETWEEN = frozenset({"priorkit", "priorkit_plugins", "pydantic", "pluggy", "importlib"})
"""Packages whose code lies between a user's line and the warning that the line gets."""


class DeprecatedOptionWarning(DeprecationWarning):
    """A setting, or an option of a component, was given by a name that it had before."""


@dataclass(frozen=True)
class Deprecated:
    """Something that still works and will go.

    Attributes:
        instead: What takes its place: of an option or a hook, the name that it has now; of a Python name, the module
            and the name, `package.module:name`.
        since: The version that deprecated it.
        gone: The first version that does without it.
        distribution: Whose versions these are; a plug-in names its own.

    Raises:
        ValueError: It would be gone before it is deprecated.

    Examples:
        >>> from priorkit.deprecation import Deprecated
        >>> Deprecated("hidden_width", since="0.2", gone="0.4").message("the option 'hidden'")
        "the option 'hidden' is deprecated since priorkit 0.2 and goes in 0.4; use 'hidden_width'"
    """

    instead: str
    since: str
    gone: str
    distribution: str = "priorkit"

    def __post_init__(self) -> None:
        if not _is_before(self.since, self.gone):
            raise ValueError(
                f"deprecated since {self.since} and gone in {self.gone}: expected a later version to be gone in"
            )

    def message(self, what: str) -> str:
        """Says in one sentence what is deprecated, until when it works, and what to use."""
        instead = self.instead.replace(":", ".")
        return f"{what} is deprecated since {self.distribution} {self.since} and goes in {self.gone}; use {instead!r}"

    def warn(self, what: str, category: type[DeprecationWarning] = DeprecationWarning) -> None:
        """Warns at the line of the user that leads here, so that Python shows the warning once for each such line."""
        level, frame = 1, sys._getframe(0)
        while frame.f_back is not None and (name := frame.f_globals.get("__name__", "")).partition(".")[0] in _BETWEEN:
            # Python does not count its own frames of importing.
            level, frame = level + (not name.startswith("importlib._bootstrap")), frame.f_back
        warnings.warn(self.message(what), category, stacklevel=level)

    def is_gone(self, version: str) -> bool:
        """Whether that version, or a pre-release of it, is to do without it."""
        from packaging.version import Version

        return not _is_before(Version(version).base_version, self.gone)


def _is_before(version: str, other: str) -> bool:
    # Only now: `priorkit --help` has no use for it.
    from packaging.version import Version

    return Version(version) < Version(other)


def with_current_names(values: Mapping[str, Any], renamed: Mapping[str, Deprecated], owner: str = "") -> dict[str, Any]:
    """Settings by the names that they have now; warns of each that has another one.

    Of a setting that stands there by both names, the value that stands later counts: `merge_settings` puts what
    overrides behind what is overridden.

    Args:
        values: Settings by any of their names.
        renamed: Former names, with what has become of them.
        owner: Whose options they are, to complete the message.
    """
    former = [key for key in values if key in renamed]
    current = {renamed[key].instead if key in former else key: value for key, value in values.items()}
    for key in former:
        now = renamed[key].instead
        both = f" (both are given, and {current[now]!r} counts)" if now in values else ""
        renamed[key].warn(f"the option {key!r}{owner}{both}", DeprecatedOptionWarning)
    return current


def deprecated_attributes(module: str, deprecated: Mapping[str, Deprecated]) -> Callable[[str], Any]:
    """A `__getattr__` for a module: names that it had before lead to what has taken their place, with a warning.

    Args:
        module: The module's `__name__`.
        deprecated: Former names.

    Examples:
        >>> from priorkit.deprecation import Deprecated, deprecated_attributes
        >>> former = {"fetch": Deprecated("priorkit.runs:pull", since="0.2", gone="0.4")}
        >>> __getattr__ = deprecated_attributes(__name__, former)
    """

    def attribute(name: str) -> Any:
        if name not in deprecated:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        deprecated[name].warn(f"{module}.{name}")
        home, _, target = deprecated[name].instead.partition(":")
        return getattr(import_module(home), target)

    return attribute


FORMER_NAMES: Mapping[str, Deprecated] = MappingProxyType({})
"""Former names of what `import priorkit` gives, as `priorkit.NAME`."""


def overdue(deprecated: Iterable[tuple[str, Deprecated]], version: str) -> list[str]:
    """Returns a sentence for each deprecated thing that still exists although this version should have removed it.

    Args:
        deprecated: The names of the deprecated things that exist, and their deprecations.
        version: The version of its distribution.
    """
    return [
        f"{what} goes in {item.distribution} {item.gone}, and this is {version}: remove it"
        for what, item in deprecated
        if item.is_gone(version)
    ]
