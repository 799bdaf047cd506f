"""Paths of this machine in a run's configuration, and the configuration without them."""

from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, get_args

from priorkit.config import without_paths
from priorkit.errors import UnknownComponentError
from priorkit.plugins import KINDS
from priorkit.registry import Registry

__all__ = ["without_local_paths"]


def without_local_paths(settings: Mapping[str, Any], registry: Registry, *, resumable: bool = False) -> dict[str, Any]:
    """A configuration that does not tell where files of this machine lie.

    The path of the data goes. Of every other path, the last part stays, which says what it was: of options of
    components that are paths by their type, and of any text that is an absolute path, as options of components that
    are not installed may be.

    Args:
        settings: The tables of `config.toml`; or an evaluation or a diagnosis, which have some of them.
        registry: What says which options are paths.
        resumable: Whether the training can go on from it: it must say exactly what it said then, and only the path of
            the data goes.
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
    # That there was such a run says how this one was trained, or of which one a diagnosis is.
    for name in ("fitted_to", "run"):
        if isinstance(kept.get(name), str):
            kept[name] = _last_part(kept[name])
    return without_paths(kept)


def _reduced_options(slot: str, choice: Any, registry: Registry) -> Any:
    """A component's table, in which options whose type is a path have its last part."""
    if not isinstance(choice, Mapping):
        return choice
    try:
        fields = registry.get(slot, str(choice.get("name"))).component.options.model_fields
    except UnknownComponentError:
        return choice
    paths = {name for name, field in fields.items() if _is_of_paths(field.annotation)}
    return {key: _last_parts(value) if key in paths else value for key, value in choice.items()}


def _is_of_paths(annotation: Any) -> bool:
    """Whether a type is one of paths, or made of one: `Path | None`, `tuple[Path, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, PurePath):
        return True
    return any(_is_of_paths(part) for part in get_args(annotation))


def _last_parts(value: Any) -> Any:
    if isinstance(value, list):
        return [_last_parts(item) for item in value]
    return _last_part(value) if isinstance(value, str) else value


def _last_part(text: str) -> str:
    # Whichever machine has written it.
    windows = "\\" in text and not Path(text).exists()
    return (PureWindowsPath(text) if windows else PurePosixPath(text)).name or "path"
