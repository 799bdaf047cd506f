"""Metadata of exported parts, and the names of a run's components in errors."""

from collections.abc import Mapping, Sequence
from typing import Any

from priorkit.config import RunConfig, flag_for

__all__ = ["about_export", "suppliers"]

_COMPONENTS = ("prior", "encoder", "networks", "condition")
"""The kinds of components that an exported part may consist of, or depend on."""


def about_export(
    config: RunConfig, environment: Mapping[str, Any], checkpoint: str, class_names: Sequence[str]
) -> dict[str, Any]:
    """Returns the metadata of an exported file about its run.

    Args:
        config: The run's configuration.
        environment: What the run was made with.
        checkpoint: The checkpoint's name.
        class_names: The names of the classes of the condition, if any.
    """
    return {
        "components": {slot: getattr(config, slot).name for slot in _COMPONENTS},
        "dataset": config.dataset.name,
        "binarise": config.binarise,
        "checkpoint": checkpoint,
        "trained_by": environment["priorkit"],
        "class_names": list(class_names),
    }


def suppliers(environment: Mapping[str, Any]) -> dict[str, str]:
    """Returns the run's components by kind, in words for errors, each with its plug-in's distribution."""
    used = {slot: environment["components"].get(slot) for slot in _COMPONENTS}
    return {
        slot: f"{flag_for((slot,))} {item['name']} (plug-in of {item['distribution']} {item['version']})"
        for slot, item in used.items()
        if item is not None
    }
