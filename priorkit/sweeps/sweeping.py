"""Sweeps: many runs of one recipe, to find the best settings."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.jobs import default_jobs
from priorkit.registry import Registry, installed_plugins
from priorkit.runs import explained_os_errors
from priorkit.runs.stop_signals import raise_again, stop_signals
from priorkit.sweeps.objectives import parse_objectives
from priorkit.sweeps.observer import SweepObserver
from priorkit.sweeps.report import write_sweep_report
from priorkit.sweeps.request import Pruner, SweepRequest
from priorkit.sweeps.results import Sweep, gather_sweep, write_tables
from priorkit.sweeps.search import search_of
from priorkit.sweeps.space import SearchSpace
from priorkit.sweeps.storage import explained_database_errors, open_study, require_optuna
from priorkit.sweeps.supervision import Supervision

__all__ = ["carry_out_sweep", "default_folder", "sweep"]


def carry_out_sweep(request: SweepRequest, observer: SweepObserver | None = None) -> Sweep:
    """Runs or resumes a sweep. Ctrl-C and SIGTERM end all its runs, each with a checkpoint.

    Args:
        request: The request for the sweep.
        observer: The observer to notify.

    Raises:
        PriorkitError: Something must be corrected first, such as a database that cannot be reached.
        KeyboardInterrupt: Ctrl-C twice: the runs in training have not been saved at their last step.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit import installed_plugins
        >>> from priorkit.sweeps import SearchSpace, SweepRequest, carry_out_sweep, parse_objectives, parse_search
        >>> space = SearchSpace.checked({"steps": 500}, parse_search(["learning_rate=1e-4..1e-2"]), installed_plugins())
        >>> request = SweepRequest(space, parse_objectives("sample_distance"), Path("sweeps/rates"), trials=20)
        >>> request.content()["search"]
        ['learning_rate=0.0001..0.01@log']
        >>> best = carry_out_sweep(request).best  # doctest: +SKIP
    """
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise ConfigurationError("a sweep starts its own processes: start it without torchrun, with --jobs N")
    require_optuna()
    observer = observer or SweepObserver()
    _check_folder(request.out)
    with explained_os_errors("make the sweep's folder", None):
        request.out.mkdir(parents=True, exist_ok=True)
    study = open_study(request)
    supervision = Supervision(study, request, observer)
    with explained_database_errors(request):
        done = [trial for trial in supervision.ledger.trials() if trial.state.is_finished()]
    observer.opened(request, len(done))
    with stop_signals() as stop:
        stopped = supervision.run(stop)
    with explained_database_errors(request):
        found = gather_sweep(study, request, stopped)
    write_tables(found)
    write_sweep_report(found)
    return found


def _check_folder(out: Path) -> None:
    with explained_os_errors("look at", None):
        if out.exists() and not out.is_dir():
            raise RunFolderError(f"--out {out} is a file; name a folder")
        if (out / "config.toml").exists():
            raise RunFolderError(f"--out {out} is a run; name another folder, in which each trial is a run")


def default_folder(name: str, dataset: str) -> Path:
    """The default folder of a sweep, which is the same whenever the command is repeated.

    Args:
        name: The name of the recipe or prior.
        dataset: The name of the data set.

    Examples:
        >>> from priorkit.sweeps import default_folder
        >>> default_folder("learned", "digits").parts
        ('sweeps', 'learned-digits')
    """
    return Path("sweeps") / f"{name}-{dataset}".replace(":", "-")


def sweep(
    search: Mapping[str, Any] | Sequence[str] | str,
    config: RunConfig | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    objective: str | Sequence[str] = "sample_distance",
    trials: int = 20,
    jobs: int | None = None,
    study: str | None = None,
    name: str = "",
    pruner: Pruner = "median",
    samples: int = 10_000,
    seed: int = 0,
    observer: SweepObserver | None = None,
    registry: Registry | None = None,
) -> Sweep:
    """Trains a run for each of many settings, and finds the best; the same call resumes the sweep.

    Each trial is trained by a separate process, and is a run folder below `out`. Ctrl-C and SIGTERM save all runs in
    training, and then have their usual effect on the program.

    Args:
        search: The options to vary: `{"learning_rate": "1e-4..1e-2", "networks.width": [16, 32]}`, or in the command
            line's syntax, `"learning_rate=1e-4..1e-2,networks.width=16,32"`.
        config: The common configuration of all trials: a `RunConfig`, or settings as in a TOML file.
        out: The sweep's folder; `sweeps/PRIOR-DATASET` if None.
        objective: The objective, or several.
        trials: Total number of trials.
        jobs: Number of processes that train at the same time; one for each CUDA device if None.
        study: A file of SQLite, or a `postgresql://` URL; `study.db` in the folder if None.
        name: The study's name in that database; the folder's name if empty.
        pruner: `median`, `hyperband` or `none`: the rule that ends bad trials early.
        samples: Number of samples for scores.
        seed: Seed of the drawn values.
        observer: The observer to notify.
        registry: The registry for checking settings; the processes use the installed plug-ins.

    Raises:
        PriorkitError: Something must be corrected first, such as an unknown option.
        KeyboardInterrupt: Ctrl-C; the same call resumes the sweep.

    Examples:
        >>> import priorkit
        >>> config = {"networks": {"name": "mlp", "hidden": 8}, "device": "cpu", "steps": 2}
        >>> found = priorkit.sweep("learning_rate=1e-4..1e-2", config, trials=1)  # doctest: +SKIP
        >>> found.best.params  # doctest: +SKIP
        {'learning_rate': '0.00125207'}
        >>> priorkit.sweep("learning_rat=1e-4..1e-2", config)
        Traceback (most recent call last):
        ...
        priorkit.errors.ConfigurationError: --search learning_rat: ...; did you mean 'learning_rate'?
    """
    settings = _settings(config)
    space = SearchSpace.checked(settings, search_of(search), installed_plugins() if registry is None else registry)
    shared = space.config({})
    request = SweepRequest(
        space=space,
        objectives=parse_objectives(objective),
        out=default_folder(shared.prior.name, shared.dataset.name) if out is None else Path(out),
        trials=trials,
        jobs=default_jobs(shared.device) if jobs is None else jobs,
        study=study,
        name=name,
        pruner=pruner,
        samples=samples,
        seed=seed,
    )
    found = carry_out_sweep(request, observer)
    if found.stopped is not None:
        raise_again(found.stopped)
    return found


def _settings(config: RunConfig | Mapping[str, Any] | None) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, RunConfig):
        # Unset fields stay unset, so that a searched component has its own defaults.
        return config.model_dump(exclude_unset=True)
    return dict(config)
