"""The data of a trained run."""

from pathlib import Path

from priorkit.interfaces import ImageData
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.recognised_data import read_run_data
from priorkit.runs.run import Run

__all__ = ["load_run_data"]


def load_run_data(run: Run, data_dir: Path | None = None, *, registry: Registry | None = None) -> ImageData:
    """Loads the data that a run was trained with; at once, if the run's prior has read it already.

    Args:
        run: The run.
        data_dir: Where the data lies now, if not where it lay then.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        DataError: The files are missing or broken.
        ConfigurationError: They are not the run's.
    """
    if run.data is not None:
        return run.data
    registry = installed_plugins() if registry is None else registry
    return read_run_data(run.path, run.config, run.environment, data_dir, registry)
