"""The time that a run's prior takes to draw codes, measured once and saved in the run's folder."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from priorkit.config import parse_json
from priorkit.errors import RunFolderError
from priorkit.runs import Run
from priorkit.studies.documents import write_document

__all__ = ["SamplingTime", "measure_sampling_time", "read_sampling_time"]

_FILE = "sampling-time.json"


@dataclass(frozen=True)
class SamplingTime:
    """The time that a prior takes to draw codes.

    Attributes:
        codes: Number of codes drawn.
        seconds: The time for drawing them, without decoding.
        device: The device.
        threads: Number of CPU threads.
    """

    codes: int
    seconds: float
    device: str
    threads: int

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def measure_sampling_time(run: Run, codes: int) -> SamplingTime:
    """Measures the time that a run's prior takes to draw codes, and saves it in the run's folder.

    Args:
        run: The run, loaded on the device to compute on.
        codes: Number of codes to draw.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    model = run.model
    model.codes(2)  # warms up: work that is done only once, such as choosing kernels, is not measured
    began = time.perf_counter()
    drawn = model.codes(codes)
    # Reading a value waits until the device has computed it.
    float(drawn.sum())
    found = SamplingTime(codes, time.perf_counter() - began, str(model.device), torch.get_num_threads())
    write_document(run.path / _FILE, json.dumps(found.as_data(), indent=2) + "\n")
    return found


def read_sampling_time(path: Path) -> SamplingTime | None:
    """Reads the measured time of a run; None if it was not measured.

    Args:
        path: The run folder.

    Raises:
        RunFolderError: The file is damaged.
    """
    file = path / _FILE
    if not file.is_file():
        return None
    try:
        return SamplingTime(**parse_json(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunFolderError(
            f"{str(file)!r} is damaged ({type(error).__name__}): remove it, and give the same command again"
        ) from None
