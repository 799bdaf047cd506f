"""Runs: folders with a configuration, metrics, pictures, checkpoints, and the trained model in them."""

from priorkit.runs.folder import RunFolder
from priorkit.runs.image_files import read_images
from priorkit.runs.pictures import pairs, save_grid
from priorkit.runs.recorder import read_metrics
from priorkit.runs.report import latest_picture, write_report
from priorkit.runs.run import Run, load_run
from priorkit.runs.samples_file import check_output, save_images
from priorkit.runs.training_run import RESUMABLE, Outcome, TrainingRun, prepare, prepare_resumed, train

__all__ = [
    "RESUMABLE",
    "Outcome",
    "Run",
    "RunFolder",
    "TrainingRun",
    "check_output",
    "latest_picture",
    "load_run",
    "pairs",
    "prepare",
    "prepare_resumed",
    "read_images",
    "read_metrics",
    "save_grid",
    "save_images",
    "train",
    "write_report",
]
