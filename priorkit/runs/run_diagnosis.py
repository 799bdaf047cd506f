"""Diagnoses runs: how their prior differs from the codes of their images."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image

from priorkit.diagnosis import Diagnosis, diagnose_model
from priorkit.engine import torch_defaults
from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageData
from priorkit.registry import Registry
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.pictures import write_picture
from priorkit.runs.report import write_report
from priorkit.runs.run import Run
from priorkit.runs.run_data import load_run_data
from priorkit.whole_files import write_whole

__all__ = ["diagnose", "save_diagnosis"]


@torch_defaults()
def diagnose(
    run: Run,
    *,
    samples: int = 5000,
    seed: int = 0,
    data: ImageData | None = None,
    data_dir: Path | None = None,
    registry: Registry | None = None,
    tell: Callable[[str], None] = lambda doing: None,
    called: str | None = None,
) -> Diagnosis:
    """Compares a run's prior with the codes of its held-out and training images; writes nothing.

    Args:
        run: The run, loaded on the device to compute on.
        samples: Maximal number of codes of each kind.
        seed: Seed of all draws.
        data: The run's data, if it is loaded already.
        data_dir: The current place of the data, if it has moved.
        registry: Where components come from; the installed plug-ins if None.
        tell: Called with a text before each part of the work.
        called: The name of the run in advice; its folder if None.

    Raises:
        ConfigurationError: The run has no encoder or too few held-out images, or the data differs from the run's.
        DataError: The data is missing or broken.

    Examples:
        >>> import priorkit
        >>> run = priorkit.load_run("runs/first", device="cpu")
        >>> diagnosis = priorkit.diagnose(run, samples=200)
        >>> diagnosis.as_data()["codes"]
        {'prior': 200, 'held_out': 180}
    """
    if run.model.encoder is None:
        raise ConfigurationError(
            f"{str(run.path)!r} has no encoder (--encoder none), so there are no codes to compare its prior with; "
            "diagnose the run of an autoencoder"
        )
    if data is None:
        tell("reading the data")
        data = load_run_data(run, data_dir, registry=registry)
    return diagnose_model(
        run.model,
        data,
        samples=samples,
        binarise=run.config.binarise,
        seed=seed,
        run=str(run.path) if called is None else called,
        tell=tell,
    )


def save_diagnosis(run: Run, diagnosis: Diagnosis, picture: Image.Image | None) -> None:
    """Saves a diagnosis in the run's folder, replacing an earlier one, and rewrites the report.

    Args:
        run: The run.
        diagnosis: The diagnosis.
        picture: Its picture, as `draw_diagnosis` draws it; or None.

    Raises:
        RunFolderError: The files cannot be written.

    Examples:
        >>> import priorkit
        >>> from priorkit.runs import save_diagnosis
        >>> run = priorkit.load_run("runs/first", device="cpu")
        >>> save_diagnosis(run, priorkit.diagnose(run, samples=100), picture=None)
        >>> run.folder.diagnosis.is_file()
        True
    """
    about: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "priorkit": version("priorkit"),
        "checkpoint": run.checkpoint,
    }
    folder = RunFolder.open(run.path)
    with explained_os_errors("write the diagnosis", None):
        write_whole(folder.diagnosis, json.dumps({**about, **diagnosis.as_data()}, indent=2) + "\n")
        if picture is None:
            # The picture of an earlier diagnosis would contradict this one.
            folder.diagnosis_picture.unlink(missing_ok=True)
        else:
            write_picture(picture, folder.diagnosis_picture)
    write_report(folder)
