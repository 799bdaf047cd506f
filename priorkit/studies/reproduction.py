"""Carries out a study: keeps complete runs, trains the others, scores all of them and draws the pictures."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from priorkit.config import RunConfig, flag_for, resolve_config
from priorkit.errors import ConfigurationError, NonFiniteLossError, RunFolderError
from priorkit.registry import Registry, installed_plugins
from priorkit.runs import RunFolder, read_position
from priorkit.runs.chosen_settings import is_chosen_for_data
from priorkit.runs.stop_signals import stop_signals
from priorkit.studies.documents import write_document
from priorkit.studies.parallel_training import train_in_parallel
from priorkit.studies.pictures import check_pictures, draw_study
from priorkit.studies.plan import PlannedRun, Request, plan_runs
from priorkit.studies.planned_training import is_there, is_whole, prepare_planned
from priorkit.studies.results import Results, gather_results, write_results
from priorkit.studies.run_summary import DIVERGED
from priorkit.studies.scoring import RunScorer
from priorkit.studies.study_file import MAY_CHANGE, NOT_TRAINING, check_study, open_study
from priorkit.studies.study_observer import StudyObserver
from priorkit.studies.study_pages import study_page

__all__ = ["Reproduction", "reproduce"]


_OF_A_FIT = ("fitted_to", "fitted_checkpoint", "steps", "batch_size")
"""Settings that each fit of a study determines itself."""


@dataclass(frozen=True)
class Reproduction:
    """The outcome of carrying out a study.

    Attributes:
        results: The results so far.
        stopped: The reason why the study stopped before its end (`interrupted`, `terminated`), or None.
    """

    results: Results
    stopped: str | None


def reproduce(
    request: Request, observer: StudyObserver | None = None, *, jobs: int = 1, registry: Registry | None = None
) -> Reproduction:
    """Runs or resumes a study: complete runs are kept, interrupted ones resumed.

    Ctrl-C and SIGTERM stop the run in training after its step, with a checkpoint. A run that diverges is given up, and
    the study continues. The tables are rewritten after each run.

    Args:
        request: The request for the study.
        observer: The observer to notify.
        jobs: Number of runs that are trained at once, each by a separate process on a device of its own.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: Something in the settings, the data or the folder must be corrected first.
        KeyboardInterrupt: Ctrl-C while no run was in training; all runs are saved.
    """
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise ConfigurationError("a study trains in one process: start it without torchrun")
    registry = installed_plugins() if registry is None else registry
    observer = observer or StudyObserver()
    check_pictures(request)
    planned = plan_runs(request, registry)
    check_study(request)
    for run in planned:
        _refuse_other_run(run, registry)
    open_study(request)
    observer.planned(planned)
    if jobs > 1:
        with stop_signals() as stop:
            stopped = train_in_parallel(request, planned, jobs, observer, registry, stop)
        if stopped is not None:
            return Reproduction(_write(request, {}), stopped)
    scorer = RunScorer(request, registry)
    refused: dict[str, str] = {}
    for number, run in enumerate(planned, start=1):
        if (run.path / DIVERGED).exists():
            continue
        if run.fitted_to is not None and not is_whole(run.fitted_to):
            refused[run.path.name] = f"{run.fitted_to.name} was given up, so there are no codes"
            observer.refused(run, refused[run.path.name])
            continue
        if is_whole(run.path):
            observer.kept(run, number)
        else:
            try:
                stopped = _train(run, number, observer, registry)
            except ConfigurationError as error:
                if run.fitted_to is None or (is_there(run) and read_position(RunFolder.open(run.path)).steps):
                    raise
                if is_there(run):
                    # The prior has refused these codes, and would refuse them again.
                    write_document(run.path / DIVERGED, f"{error}\n")
                refused[run.path.name] = str(error)
                observer.refused(run, str(error))
                continue
            if stopped is not None:
                return Reproduction(_write(request, refused), stopped)
        if not (run.path / DIVERGED).exists() and scorer.misses(run):
            observer.scoring(run)
            scorer.score(run)
        _write(request, refused)
    results = _write(request, refused)
    observer.drawing()
    draw_study(request, results, registry, observer.picture_note)
    write_document(request.out / "table.html", study_page(results, request.out))
    return Reproduction(results, None)


def _write(request: Request, refused: Mapping[str, str]) -> Results:
    results = gather_results(request, refused)
    write_results(results, request.out)
    write_document(request.out / "table.html", study_page(results, request.out))
    return results


def _train(run: PlannedRun, number: int, observer: StudyObserver, registry: Registry) -> str | None:
    """Trains or resumes a run; returns why it stopped early, or None."""
    training = prepare_planned(run, registry)
    observer.training(run, number, training)
    try:
        return training.run(observer.observers(run)).stopped
    except NonFiniteLossError as error:
        write_document(run.path / DIVERGED, f"{error}\n")
        observer.diverged(run, str(error))
        return None


def _refuse_other_run(run: PlannedRun, registry: Registry) -> None:
    """Refuses a run that was trained with other settings, by an earlier version or by hand."""
    if not is_there(run):
        return
    # A fit records the path of the other run at that time, and has the length that its prior needs.
    ignored = {*MAY_CHANGE, *NOT_TRAINING, *(_OF_A_FIT if run.fitted_to is not None else ())}
    kept = resolve_config(RunFolder.open(run.path).read_config(), registry).model_dump(mode="json")
    now = run.config.model_dump(mode="json")
    for key in RunConfig.model_fields:
        if key not in ignored and kept[key] != now[key] and not is_chosen_for_data(key, run.config):
            raise RunFolderError(
                f"{str(run.path)!r} was trained with {flag_for((key,))} {kept[key]!r}, and the study trains with "
                f"{now[key]!r} now; name another folder with --out, or move that run away"
            )
