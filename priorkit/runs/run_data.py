"""The data of a trained run."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from priorkit.data import data_source
from priorkit.interfaces import ImageData
from priorkit.registry import Registry
from priorkit.runs.environment import recorded_preparation
from priorkit.runs.image_files import read_images
from priorkit.runs.recognised_data import read_run_data
from priorkit.runs.run import Run

__all__ = ["load_run_data", "read_as_run_data"]


def load_run_data(run: Run, data_dir: Path | None = None, *, registry: Registry | None = None) -> ImageData:
    """Loads the data that a run was trained with; returns at once if the run's prior has read it already.

    Args:
        run: The run.
        data_dir: The current place of the data, if it has moved.
        registry: Where components come from; those of the run if None.

    Raises:
        DataError: The files are missing or broken.
        ConfigurationError: The files are not the run's data.

    Examples:
        >>> from priorkit import load_run
        >>> from priorkit.runs import load_run_data
        >>> data = load_run_data(load_run("runs/first", device="cpu"))
        >>> len(data.train), len(data.test)
        (1617, 180)
    """
    if run.data is not None:
        return run.data
    registry = run.registry if registry is None else registry
    return read_run_data(run.path, run.config, run.environment, data_dir, registry)


def read_as_run_data(run: Run, paths: Sequence[Path], *, registry: Registry | None = None) -> Tensor:
    """Reads image files like a run's training images: uint8 (N, C, size, size). The training images are not needed.

    Args:
        run: The run.
        paths: The files, at least one.
        registry: Where components come from; those of the run if None.

    Raises:
        DataError: A file is missing or is not an image.

    Examples:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from priorkit import load_run
        >>> from priorkit.runs import read_as_run_data
        >>> Image.new("RGB", (640, 480), "white").save("photo.png")
        >>> images = read_as_run_data(load_run("runs/first", device="cpu"), [Path("photo.png")])
        >>> images.shape, images.dtype
        (torch.Size([1, 1, 16, 16]), torch.uint8)
    """
    registry = run.registry if registry is None else registry
    source = data_source(run.config, registry)
    return run.as_trained_on(read_images(paths, run.shape, recorded_preparation(run.environment), source.read_file))
