"""Fits a prior to the codes of a trained autoencoder, as a new run."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.config import (
    AUTOENCODER_SETTINGS,
    RunConfig,
    flag_for,
    merge_settings,
    resolve_config,
    toml_values,
    validate_settings,
)
from priorkit.data import load_data, summarise
from priorkit.distributed import join_processes
from priorkit.engine import choose_device, torch_defaults
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.interfaces import ImageData
from priorkit.models import tensors_below
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.fit_settings import fit_settings, source_of_fit
from priorkit.runs.folder import RunFolder, next_free_folder
from priorkit.runs.given_again import require_data_again
from priorkit.runs.listeners import Listener, listening
from priorkit.runs.recognised_data import require_same_data
from priorkit.runs.run import Run
from priorkit.runs.run_loading import weights_do_not_fit
from priorkit.runs.training_run import TrainingRun, run_or_raise
from priorkit.tracking import tracker_names
from priorkit.training import Session

__all__ = ["begin_fit", "fit", "prepare_fit"]


@torch_defaults()
def prepare_fit(
    path: str | Path,
    changes: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    checkpoint: str = "last",
    registry: Registry | None = None,
) -> TrainingRun:
    """Loads a run's autoencoder and data, and builds the prior to fit to its codes. Writes nothing.

    The other run is not changed. The new run stores the autoencoder in its own checkpoints, and no longer needs the
    other run.

    Args:
        path: The run folder of an autoencoder.
        changes: The prior and its options, and the settings of its training; the rest has a fit's defaults.
        out: The new run folder; by default the next free `runs/PRIOR-DATASET-001`.
        checkpoint: The run's checkpoint: `last` or `best`.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: The run cannot be read, or has no encoder; its data has changed; a setting is the autoencoder's;
            or the prior does not learn from codes.

    Examples:
        >>> from priorkit.runs import prepare_fit
        >>> prepared = prepare_fit("runs/first", {"prior": "flow-matching", "steps": 1}, "runs/fitted")
        >>> [choice.name for choice in prepared.config.phases], prepared.path.exists()
        (['code-fitting'], False)
    """
    registry = installed_plugins() if registry is None else registry
    changes = dict(changes or {})
    refused = [key for key in changes if key in AUTOENCODER_SETTINGS]
    if refused:
        raise ConfigurationError(
            f"{flag_for((refused[0],))}: a fit leaves the autoencoder of {str(path)!r} as it is; leave it out, or "
            "train another run"
        )
    rates = changes.get("learning_rates") or {}
    idle = [
        key for key in (rates if isinstance(rates, Mapping) else rates.model_dump(exclude_none=True)) if key != "prior"
    ]
    if idle:
        raise ConfigurationError(
            f"{flag_for(('learning_rates', idle[0]))}: a fit trains the prior alone; leave it out, or use "
            "--learning-rate"
        )
    processes = join_processes()
    folder = RunFolder.open(Path(path))
    source, environment = source_of_fit(folder, registry)
    require_data_again(folder.path, environment, registry)
    found = folder.find_checkpoint(checkpoint)
    changes["fitted_checkpoint"] = found.name
    config = resolve_config(validate_settings(merge_settings(fit_settings(path, registry), changes)), registry)
    stem = f"{config.prior.name}-{config.dataset.name}".replace(":", "-")
    destination = Path(out) if out is not None else next_free_folder(Path("runs"), stem)
    RunFolder.check_free(destination)
    choose_device(config.device, processes)
    data = load_data(config, registry, processes.local_count)
    # Captions, embeddings and labels may be read differently now; the images must be the same.
    require_same_data(data, folder.path, _of_images(environment))
    # Several processes are refused here, with one error message.
    try:
        with processes.together(), torch.random.fork_rng(devices=[]):
            session = Session(config, registry, data, processes)
    except ConfigurationError as error:
        raise _advice_for_a_fit(error, path) from error
    _take_autoencoder(session, folder, found, source, environment, data)
    return TrainingRun(
        session.config,
        session,
        data,
        destination,
        resumed=False,
        processes=processes,
        registry=registry,
        _stem=stem if out is None else None,
    )


def begin_fit(session: Session, data: ImageData, registry: Registry) -> None:
    """Loads the other run's autoencoder into a fit that has no checkpoint yet.

    Args:
        session: The session of the fit.
        data: Its images.
        registry: Where components come from.

    Raises:
        RunFolderError: The run of the autoencoder, or its checkpoint, no longer exists.
    """
    config = session.config
    assert config.fitted_to is not None, "a fit has fitted_to"
    folder = RunFolder.open(config.fitted_to)
    source, environment = source_of_fit(folder, registry)
    found = folder.checkpoints.folder / str(config.fitted_checkpoint)
    if not found.is_dir():
        raise RunFolderError(
            f"the fit has no checkpoint yet, and the one that it started from, {str(found)!r}, no longer exists; "
            f"fit the prior again: priorkit fit {config.fitted_to} --prior {config.prior.name}"
        )
    _take_autoencoder(session, folder, found, source, environment, data)


def _take_autoencoder(
    session: Session,
    folder: RunFolder,
    checkpoint: Path,
    source: RunConfig,
    environment: Mapping[str, Any],
    data: ImageData,
) -> None:
    weights = folder.load_weights(checkpoint)
    try:
        session.take_autoencoder({**weights, **tensors_below("average", weights)})
        _take_text_encoder(session, source, environment, weights, data)
    except (KeyError, RuntimeError) as error:
        raise weights_do_not_fit(folder, checkpoint, error) from None


def _take_text_encoder(
    session: Session, source: RunConfig, environment: Mapping[str, Any], weights: Mapping[str, Tensor], data: ImageData
) -> None:
    """Loads the other run's text encoder into a condition, because a fit does not train text encoders.

    Raises:
        ConfigurationError: The other run has another text encoder, or none.
    """
    condition, config = session.system.condition, session.config
    if condition is None or not condition.shows_entries:
        return
    # The other run's options come from TOML.
    theirs, ours = (
        (each.condition.name, toml_values(each.text_encoder.model_dump()), words)
        for each, words in (
            (source, list(environment["data"].get("vocabulary", ()))),
            (config, list(summarise(data).vocabulary)),
        )
    )
    if theirs != ours:
        raise ConfigurationError(
            f"--condition {config.condition.name}: a fit does not train --text-encoder {config.text_encoder.name}, and "
            f"{str(config.fitted_to)!r} has not trained it; use --text-encoder static or sentence-transformer, or fit "
            "a prior to a run that was trained with this condition and text encoder"
        )
    _take_matching(condition, tensors_below("condition", dict(weights)))


def _take_matching(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Loads tensors that match the module's in name and shape; the module's other tensors stay unchanged."""
    own = module.state_dict()
    fitting = {name: value for name, value in tensors.items() if name in own and own[name].shape == value.shape}
    module.load_state_dict({**own, **fitting})


def _advice_for_a_fit(error: ConfigurationError, path: str | Path) -> ConfigurationError:
    """Replaces an error's advice if it requires another autoencoder, which a fit cannot have."""
    asked = set(re.findall(r"\buse (--[\w-]+)", str(error)))
    if asked.isdisjoint(flag_for((key,)) for key in AUTOENCODER_SETTINGS):
        return error
    return ConfigurationError(
        f"{error}. A fit leaves the autoencoder of {str(path)!r} as it is: choose another prior, or fit to a run that "
        "was trained in this way"
    )


def _of_images(environment: Mapping[str, Any]) -> dict[str, Any]:
    beside = ("beside_fingerprint", "captions_fingerprint")
    recorded = {key: value for key, value in environment["data"].items() if key not in beside}
    return {**environment, "data": recorded}


def _checkpoint_of(run: Run) -> str:
    """The name of a run's loaded checkpoint."""
    for name in ("last", "best"):
        if run.checkpoint == run.checkpoints.intact(name, state=False)[0].name:
            return name
    raise RunFolderError(
        f"{str(run.path)!r} has been trained since its checkpoint {run.checkpoint} was loaded; load the run again"
    )


@torch_defaults()
def fit(
    run: Run | str | Path,
    out: str | Path | None = None,
    *,
    checkpoint: str | None = None,
    observers: Sequence[Listener] = (),
    progress: bool | None = None,
    track: str | Sequence[str] = (),
    registry: Registry | None = None,
    **changes: Any,
) -> Run:
    """Fits a prior to the codes of a trained run, as a new run, and loads the new run.

    Args:
        run: The run of an autoencoder, or its folder.
        out: The new run folder; by default the next free one under `runs/`.
        checkpoint: The run's checkpoint: `last` or `best`; by default the one that a given `Run` has loaded.
        observers: Observers, as for `priorkit.train`.
        progress: Whether to show progress, as for `priorkit.train`.
        track: Trackers that follow the training, as for `priorkit.train`.
        registry: Where components come from; if None, those of a given `Run`, or else the installed plug-ins.
        **changes: The prior, with its options as a table, and how it is trained: fields of `RunConfig`.

    Raises:
        PriorkitError: Something must be mended first, as for `prepare_fit`.
        NonFiniteLossError: Training diverged.
        KeyboardInterrupt: Training was stopped by Ctrl-C; the run can be resumed.

    Examples:
        >>> import priorkit
        >>> fitted = priorkit.fit("runs/first", "runs/fitted", prior="full-gaussian")
        >>> fitted.config.prior.name, fitted.config.fitted_to.name
        ('full-gaussian', 'first')
        >>> fitted.sample(3).shape
        torch.Size([3, 1, 16, 16])
    """
    names = tracker_names(track)
    path = run.path if isinstance(run, Run) else Path(run)
    if checkpoint is None:
        checkpoint = _checkpoint_of(run) if isinstance(run, Run) else "last"
    if registry is None and isinstance(run, Run):
        registry = run.registry
    prepared = prepare_fit(path, changes, out, checkpoint=checkpoint, registry=registry)
    with listening(observers, progress) as told:
        return run_or_raise(prepared, told, names)
