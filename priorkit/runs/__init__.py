"""Runs: folders with a configuration, metrics, pictures, checkpoints, and the trained model in them."""

from priorkit.runs.completion import Position, read_position
from priorkit.runs.fit_settings import fit_settings, settings_of_fit
from priorkit.runs.fitting import fit, prepare_fit
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.image_files import read_images
from priorkit.runs.metrics_file import read_metrics
from priorkit.runs.pictures import pairs, save_grid
from priorkit.runs.python_training import train
from priorkit.runs.report import kept_pictures, latest_picture, write_report
from priorkit.runs.report_words import run_sentence
from priorkit.runs.resumption import RESUMABLE, prepare_resumed
from priorkit.runs.run import Run
from priorkit.runs.run_data import load_run_data, read_as_run_data
from priorkit.runs.run_diagnosis import diagnose, save_diagnosis
from priorkit.runs.run_evaluation import Evaluation, evaluate_run
from priorkit.runs.run_loading import load_run
from priorkit.runs.samples_file import check_output, check_picture_output, save_images, save_picture
from priorkit.runs.scores_file import append_evaluation, read_evaluations
from priorkit.runs.sharing import RunDescription, describe_run, pack_run, pull, push_run, unpack
from priorkit.runs.training_run import TrainingOutcome, TrainingRun, prepare
from priorkit.runs.unread_texts import unread_notes

__all__ = [
    "RESUMABLE",
    "Evaluation",
    "Position",
    "Run",
    "RunDescription",
    "RunFolder",
    "TrainingOutcome",
    "TrainingRun",
    "append_evaluation",
    "check_output",
    "check_picture_output",
    "describe_run",
    "diagnose",
    "evaluate_run",
    "explained_os_errors",
    "fit",
    "fit_settings",
    "kept_pictures",
    "latest_picture",
    "load_run",
    "load_run_data",
    "pack_run",
    "pairs",
    "prepare",
    "prepare_fit",
    "prepare_resumed",
    "pull",
    "push_run",
    "read_as_run_data",
    "read_evaluations",
    "read_images",
    "read_metrics",
    "read_position",
    "run_sentence",
    "save_diagnosis",
    "save_grid",
    "save_images",
    "save_picture",
    "settings_of_fit",
    "train",
    "unpack",
    "unread_notes",
    "write_report",
]
