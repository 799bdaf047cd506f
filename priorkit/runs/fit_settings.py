"""The settings of a fit, and of the run to whose codes a prior is fitted."""

from pathlib import Path
from typing import Any

from priorkit.config import FIT_DEFAULTS, RunConfig
from priorkit.registry import Registry
from priorkit.runs.folder import RunFolder
from priorkit.runs.used_plugins import require_plugins, with_used_plugins

__all__ = ["fit_settings", "settings_of_fit", "source_of_fit"]

_KEPT = (
    # The loss is needed for likelihood scores.
    *("networks", "encoder", "code_dim", "code_size", "loss", "text_encoder"),
    *("dataset", "data_dir", "image_size", "channels", "holdout", "binarise", "stream", "workers"),
    # The seed decides which images are held out.
    *("seed", "extractor", "channels_last", "device"),
)
"""Settings that a fitted run shares with the run of its autoencoder."""


def fit_settings(path: str | Path, registry: Registry) -> dict[str, Any]:
    """Returns the default settings of a fit to a run's codes.

    Raises:
        RunFolderError: The folder is not a run.
        UnknownComponentError: A plug-in that the run used is not installed.

    Examples:
        >>> from priorkit import installed_plugins
        >>> from priorkit.runs import fit_settings
        >>> settings = fit_settings("runs/first", installed_plugins())
        >>> settings["networks"]["name"], settings["batch_size"]
        ('mlp', 256)
    """
    config, environment = source_of_fit(RunFolder.open(Path(path)), registry)
    settings = settings_of_fit(config, path)
    # The default batch size must not exceed the number of codes.
    return {**settings, "batch_size": min(settings["batch_size"], int(environment["data"]["train"]))}


def settings_of_fit(config: RunConfig, path: str | Path) -> dict[str, Any]:
    """Returns the default settings of a fit to the codes of a run with a given configuration.

    Args:
        config: The run's resolved configuration.
        path: The run's folder, which need not exist yet.

    Examples:
        >>> from priorkit import RunConfig, installed_plugins
        >>> from priorkit.config import resolve_config
        >>> from priorkit.runs import settings_of_fit
        >>> settings = settings_of_fit(resolve_config(RunConfig(code_dim=32), installed_plugins()), "runs/planned")
        >>> settings["code_dim"], settings["phases"], settings["fitted_to"].name
        (32, ['code-fitting'], 'planned')
    """
    settings = {key: value for key, value in config.model_dump().items() if key in _KEPT and value is not None}
    return {**settings, **FIT_DEFAULTS, "fitted_to": Path(path).absolute()}


def source_of_fit(folder: RunFolder, registry: Registry) -> tuple[RunConfig, dict[str, Any]]:
    """Reads the configuration and the environment of the run to whose codes a prior is fitted.

    Raises:
        UnknownComponentError: A plug-in that the run used is not installed.
    """
    environment = folder.read_environment()
    require_plugins(folder.path, environment, registry)
    return with_used_plugins(folder.read_config(), environment, registry, folder.config), environment
