"""Removes paths of this machine from a run's configuration."""

from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, get_args

from priorkit.config import without_paths
from priorkit.errors import UnknownComponentError
from priorkit.plugins import KINDS
from priorkit.registry import Registry

__all__ = ["without_local_paths"]


def without_local_paths(settings: Mapping[str, Any], registry: Registry, *, resumable: bool = False) -> dict[str, Any]:
    """Returns a configuration without paths of this machine.

    The path of the data is removed. Every other path is reduced to its last part, which says what it was. Paths are
    options of components with a path as their type, and all texts that are absolute paths, which includes options of
    components that are not installed.

    Args:
        settings: The tables of `config.toml`; or an evaluation or a diagnosis, which have some of them.
        registry: The registry that knows the options' types.
        resumable: Whether the training can be resumed from this configuration. Then only the path of the data is
            removed, because all else must be the same as in training.
    """
    kept = {key: value for key, value in settings.items() if key != "data_dir"}
    if resumable:
        return kept
    for kind in KINDS:
        if kind.slot in kept:
            value = kept[kind.slot]
            items = value if isinstance(value, list) else [value]
            reduced = [_reduced_options(kind.slot, item, registry) for item in items]
            kept[kind.slot] = reduced if isinstance(value, list) else reduced[0]
    # The last part remains: it says that another run's autoencoder was used, or which run a diagnosis is of.
    for name in ("fitted_to", "run"):
        if isinstance(kept.get(name), str):
            kept[name] = _last_part(kept[name])
    return without_paths(kept)


def _reduced_options(slot: str, choice: Any, registry: Registry) -> Any:
    """Returns a component's table, with options that are paths by type reduced to their last part."""
    if not isinstance(choice, Mapping):
        return choice
    try:
        fields = registry.get(slot, str(choice.get("name"))).component.options.model_fields
    except UnknownComponentError:
        return choice
    paths = {name for name, field in fields.items() if _is_of_paths(field.annotation)}
    return {key: _last_parts(value) if key in paths else value for key, value in choice.items()}


def _is_of_paths(annotation: Any) -> bool:
    """Whether a type is a path, or contains one: `Path | None`, `tuple[Path, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, PurePath):
        return True
    return any(_is_of_paths(part) for part in get_args(annotation))


def _last_parts(value: Any) -> Any:
    if isinstance(value, list):
        return [_last_parts(item) for item in value]
    return _last_part(value) if isinstance(value, str) else value


def _last_part(text: str) -> str:
    # The path may come from a machine with another operating system.
    windows = "\\" in text and not Path(text).exists()
    return (PureWindowsPath(text) if windows else PurePosixPath(text)).name or "path"
