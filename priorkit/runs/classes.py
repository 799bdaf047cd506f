"""The classes that a run's images are conditioned on."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Condition
from priorkit.plugins import nearest

__all__ = ["class_names", "find_class"]

_LISTED = 20
"""Maximal number of names listed in an error."""


def class_names(condition: Condition | None, environment: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of a condition's classes; empty if the condition has no classes.

    Args:
        condition: The run's condition.
        environment: What the run was made with.

    Returns:
        The data's names, if the classes are its labels; indices for classes without names.
    """
    if condition is None:
        return ()
    named: Sequence[str] = environment["data"].get("class_names", ()) if condition.from_labels else ()
    return tuple(named[index] if index < len(named) else str(index) for index in range(condition.classes))


def find_class(wanted: int | str, names: Sequence[str]) -> int:
    """Returns the index of a class.

    Args:
        wanted: Its name or its index. Text that is both a name and an index counts as the name. If all names are
            numbers, text never counts as an index.
        names: The names of all classes.

    Raises:
        ConfigurationError: There is no such class.
    """
    if isinstance(wanted, str):
        if wanted in names:
            return names.index(wanted)
        if wanted.isdecimal() and not all(name.isdecimal() for name in names):
            # If all names are numbers, a number is a name.
            wanted = int(wanted)
    if not isinstance(wanted, str) and 0 <= (index := operator.index(wanted)) < len(names):
        return index
    suggestion = nearest(wanted, names) if isinstance(wanted, str) else "."
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    only_names = isinstance(wanted, str) and wanted.isdecimal()
    indices = "" if only_names else f"; or their indices, 0 to {len(names) - 1}"
    raise ConfigurationError(f"no class {wanted!r}{suggestion} The classes: {listed}{indices}")
