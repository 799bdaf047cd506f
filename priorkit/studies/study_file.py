"""`study.json`: the settings that a study was started with, so that all of its runs are trained alike."""

import json
from pathlib import Path
from typing import Any

from priorkit.config import LIMITS, flag_for, format_duration, parse_json
from priorkit.errors import RunFolderError
from priorkit.runs import RESUMABLE, explained_os_errors
from priorkit.studies.documents import write_document
from priorkit.studies.plan import Request

__all__ = ["MAY_CHANGE", "NOT_TRAINING", "STUDY_FILE", "check_study", "open_study"]

STUDY_FILE = "study.json"
MAY_CHANGE = tuple(key for key in RESUMABLE if key not in (*LIMITS, "learning_rate", "learning_rates", "clip_norm"))
"""Settings that may differ between calls: the device, the speed of training, and the place of the same data."""
_FLAGS = {"max_time": "--budget", "fit_max_time": "--fit-budget"}
"""Flags of limits whose names differ from the settings' names."""
NOT_TRAINING = ("extractor", "evaluate_every", "evaluate_samples")
"""Settings that may differ because they do not change what is trained."""


def check_study(request: Request) -> None:
    """Checks that a folder is free, or contains the same study with the same settings.

    Raises:
        RunFolderError: The folder contains something else, or a study with other settings.
    """
    file = request.out / STUDY_FILE
    with explained_os_errors("look at", None):
        text = file.read_text(encoding="utf-8") if file.is_file() else None
        taken = request.out.exists() and (not request.out.is_dir() or any(request.out.iterdir()))
        trained = taken and request.out.is_dir() and any(entry.is_dir() for entry in request.out.iterdir())
    if text is None:
        if taken:
            raise RunFolderError(
                f"{str(request.out)!r} already exists, is not a study, and is left as it is; name another folder "
                "with --out"
            )
        return
    try:
        kept = parse_json(text)
        study, settings = kept["study"], dict(kept["settings"])
    except (ValueError, KeyError, TypeError):
        raise RunFolderError(f"{str(file)!r} is damaged; restore it, or name another folder with --out") from None
    if not trained:
        # There are no runs yet, so any settings may be chosen.
        return
    asked = _content(request)
    if study != asked["study"]:
        raise RunFolderError(
            f"{str(request.out)!r} holds the study {study}, not {request.study.name}; name another folder with --out"
        )
    _refuse_differences(request, settings, asked["settings"])


def open_study(request: Request) -> None:
    """Makes a study's folder if it does not exist, and writes its `study.json`.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    with explained_os_errors("make the study's folder", None):
        request.out.mkdir(parents=True, exist_ok=True)
    write_document(request.out / STUDY_FILE, json.dumps(_content(request), indent=2) + "\n")


def _content(request: Request) -> dict[str, Any]:
    """The settings that all runs of a study share, as plain values."""
    settings = {**request.common, **request.limit}
    if request.study.has_fits:
        settings.update({f"fit_{key}": value for key, value in request.fit_limit.items()})
    return {
        "study": request.study.name,
        "settings": {
            key: str(value) if isinstance(value, Path) else value
            for key, value in settings.items()
            if key not in MAY_CHANGE and key.partition(".")[0] not in NOT_TRAINING
        },
    }


def _refuse_differences(request: Request, kept: dict[str, Any], asked: dict[str, Any]) -> None:
    for key in [*kept, *asked]:
        if kept.get(key) != asked.get(key):
            before, now = (_in_words(key, settings.get(key)) for settings in (kept, asked))
            raise RunFolderError(
                f"{str(request.out)!r} was started with {before}, but this command has {now}: its runs could not be "
                "compared; use the same settings, or name another folder with --out"
            )


def _in_words(key: str, value: Any) -> str:
    """A setting as the user gives it."""
    flag = _FLAGS.get(key) or flag_for(tuple(key.split(".")))
    if value is None:
        return f"no {flag}"
    return f"{flag} {format_duration(value) if key.endswith('max_time') else value}"
