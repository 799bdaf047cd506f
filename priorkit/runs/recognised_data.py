"""Recognises the data set of a run by its recorded fingerprints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from priorkit.config import RunConfig
from priorkit.data import load_data
from priorkit.data.fingerprints import captions_fingerprint, condition_fingerprint, is_same_data
from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageData
from priorkit.registry import Registry
from priorkit.runs.environment import recorded_data
from priorkit.runs.given_again import require_data_again

__all__ = ["read_run_data", "require_same_data"]


def require_same_data(data: ImageData, path: Path, environment: Mapping[str, Any]) -> None:
    """Checks that a run was trained with this data.

    Args:
        data: The images, as `load_data` returns them.
        path: The run folder.
        environment: What the run was made with.

    Raises:
        ConfigurationError: The images or their order differ.
    """
    recorded = environment["data"]
    beside = {
        "labels or embeddings": ("beside_fingerprint", condition_fingerprint),
        "captions": ("captions_fingerprint", captions_fingerprint),
    }
    for words, (key, fingerprint) in beside.items():
        if recorded.get(key) is not None and recorded[key] != fingerprint(data):
            raise ConfigurationError(
                f"the {words} of the data set are not those that {str(path)!r} was started with, but the run is "
                "conditioned on them; put them back, name the data's current place with --data-dir, or train a new run"
            )
    if not is_same_data(data, recorded):
        raise ConfigurationError(
            f"the data set is not the one that {str(path)!r} was started with: it has {len(data.train)} "
            f"training and {len(data.test)} held-out images of shape {tuple(data.shape)} now, and had "
            f"{recorded['train']} and {recorded['held_out']} of shape {tuple(recorded_data(environment).shape)}, or "
            "other files or pixels; put it back, name its current place with --data-dir, or train a new run"
        )


def read_run_data(
    path: Path, config: RunConfig, environment: Mapping[str, Any], data_dir: Path | None, registry: Registry
) -> ImageData:
    """Reads the data that a run was trained with.

    Args:
        path: The run folder.
        config: The run's configuration.
        environment: What the run was made with.
        data_dir: The current place of the data, if it has moved.
        registry: Where components come from.

    Raises:
        DataError: The files are missing or broken.
        ConfigurationError: The files are not the run's data.
    """
    require_data_again(path, environment, registry)
    now = config if data_dir is None else config.model_copy(update={"data_dir": data_dir.expanduser()})
    data = load_data(now, registry)
    require_same_data(data, path, environment)
    return data
