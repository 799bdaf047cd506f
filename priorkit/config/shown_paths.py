"""Settings as others may see them: without the folders of the machine on which they were given."""

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

__all__ = ["without_paths"]


def without_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which every absolute path is its last part: `data_dir` and those of components, in tables and lists.

    Args:
        settings: Plain values, as JSON or TOML has them.

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
        for kind in (PurePosixPath, PureWindowsPath):
            path = kind(value)
            if path.is_absolute():
                return path.name or value
    return value
