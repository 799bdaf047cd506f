"""Trains and scores several runs of a study at once, before the study goes through its runs one by one.

Failures are not handled here: the study meets them again when it goes through its runs, and reports them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from priorkit.errors import NonFiniteLossError
from priorkit.jobs import Channel, JobPool, worker_environments
from priorkit.registry import Registry, installed_plugins
from priorkit.studies.documents import write_document
from priorkit.studies.plan import PlannedRun, Request
from priorkit.studies.planned_training import is_whole, prepare_planned
from priorkit.studies.run_summary import DIVERGED
from priorkit.studies.scoring import RunScorer
from priorkit.studies.study_observer import StudyObserver

__all__ = ["PlannedJob", "carry_out_planned", "train_in_parallel"]

_WAIT = 0.5
"""Seconds between two checks whether to stop the study."""


@dataclass(frozen=True)
class PlannedJob:
    """A run of a study, as it is passed to a worker process.

    Attributes:
        run: The run.
        request: The request for the study.
    """

    run: PlannedRun
    request: Request


def carry_out_planned(job: PlannedJob, channel: Channel) -> dict[str, Any]:
    """Trains a run of a study and scores it.

    Returns:
        A dictionary whose `stopped` is the reason why training stopped early, or None.

    Raises:
        PriorkitError: The run cannot be trained or scored.
        NonFiniteLossError: Training diverged; `diverged.txt` in the run's folder records it.
    """
    registry = installed_plugins()
    if not is_whole(job.run.path):
        training = prepare_planned(job.run, registry)
        channel.tell("training", step=training.session.steps)
        try:
            stopped = training.run().stopped
        except NonFiniteLossError as error:
            write_document(job.run.path / DIVERGED, f"{error}\n")
            raise
        if stopped is not None:
            return {"stopped": stopped}
    scorer = RunScorer(job.request, registry)
    if scorer.misses(job.run):
        channel.tell("scoring")
        scorer.score(job.run)
    return {"stopped": None}


def train_in_parallel(
    request: Request,
    planned: Sequence[PlannedRun],
    jobs: int,
    observer: StudyObserver,
    registry: Registry,
    stop: Callable[[], str | None],
) -> str | None:
    """Trains and scores the missing runs of a study, several at once; a fit waits for the run that it is fitted to.

    Args:
        request: The request for the study.
        planned: The study's runs.
        jobs: Number of processes that train at the same time.
        observer: The observer to notify.
        registry: Where components come from; the processes use the installed plug-ins.
        stop: Returns the reason to stop the study (`interrupted`, `terminated`), or None.

    Returns:
        The reason why the study was stopped, or None.
    """
    scorer = RunScorer(request, registry)
    numbered = {
        number: run
        for number, run in enumerate(planned, start=1)
        if not (run.path / DIVERGED).exists() and (not is_whole(run.path) or scorer.misses(run))
    }
    open_runs = dict(numbered)
    with JobPool(worker_environments(jobs, str(planned[0].config.device))) as pool:
        while open_runs or pool.running:
            if (reason := stop()) is not None:
                for _ in pool.stop():
                    pass
                return reason
            for number, run in list(open_runs.items()):
                in_work = {open_runs[key].path for key in open_runs} | {
                    numbered[_key(key)].path for key in pool.running
                }
                if pool.free and run.fitted_to not in in_work:
                    del open_runs[number]
                    if run.fitted_to is None or is_whole(run.fitted_to):
                        observer.started_beside(run, number)
                        pool.start(number, carry_out_planned, PlannedJob(run, request))
            for event in pool.events(_WAIT):
                if event.kind != "told":
                    message = "" if event.kind == "done" else str(event.data["message"])
                    observer.ended_beside(numbered[_key(event.key)], _key(event.key), message)
    return None


def _key(key: object) -> int:
    return int(str(key))
