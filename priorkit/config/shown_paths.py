"""Settings to share with others: without this machine's folders."""

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

__all__ = ["without_paths"]


def without_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Reduces every absolute path in settings to its last part: `data_dir` and components' paths, in tables and lists.

    A path in a home folder (`~/images`) counts as absolute.

    Args:
        settings: Plain values, as in JSON or TOML.

    Examples:
        >>> from priorkit.config import without_paths
        >>> without_paths({"data_dir": "/home/ann/images", "dataset": {"name": "digits"}, "steps": 4})
        {'data_dir': 'images', 'dataset': {'name': 'digits'}, 'steps': 4}
    """
    return {key: _shown(value) for key, value in settings.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_paths(value)
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if isinstance(value, str):
        for path in (PurePosixPath(value), PureWindowsPath(value)):
            if path.is_absolute() or value.startswith("~"):
                return path.name or value
    return value
