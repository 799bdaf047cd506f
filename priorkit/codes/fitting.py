"""Fits priors to given codes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priorkit.codes.code_files import naming_codes
from priorkit.codes.code_fit import CodeFit
from priorkit.codes.code_fitting import CodeFitting, FitObserver
from priorkit.codes.conditions import given_conditions
from priorkit.codes.fitted_prior import FittedPrior
from priorkit.codes.given_codes import given_codes
from priorkit.codes.prior_folder import PriorFolder
from priorkit.codes.records import codes_record, condition_record, record_of
from priorkit.codes.settings import resolve_code_fit
from priorkit.display.progress_choice import progress_for
from priorkit.distributed import join_processes
from priorkit.engine import torch_defaults
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.stop_signals import raise_again

__all__ = ["fit_prior", "prepare_code_fit"]


@torch_defaults()
def prepare_code_fit(
    codes: Any,
    changes: Mapping[str, Any] | None = None,
    *,
    conditions: Any = None,
    kind: str | None = None,
    entries: int | None = None,
    out: str | Path | None = None,
    file: Path | None = None,
    registry: Registry | None = None,
) -> CodeFitting:
    """Checks codes and builds the prior that is to be fitted to them. Writes nothing.

    Args:
        codes: Codes, as `fit_prior` takes them.
        changes: The prior and its options, how it is trained and for how long.
        conditions: What the codes are conditioned on.
        kind: What they are, where it cannot be told.
        entries: Of indices, the number of entries of their codebook.
        out: The folder to make; None keeps nothing on disk.
        file: Where the codes were read from: the record of the fit keeps it, and errors about the codes name it.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: The codes are none, the prior cannot learn them, a setting is wrong, or the folder is taken.
    """
    registry = installed_plugins() if registry is None else registry
    if join_processes().count > 1:
        raise ConfigurationError("a fit to given codes is for one process; start it without torchrun")
    if out is not None:
        PriorFolder.check_free(Path(out))
    changes = dict(changes or {})
    with naming_codes(file):
        given = given_codes(codes, kind=kind, entries=entries)
        conditioned = given_conditions(conditions, len(given)) if conditions is not None else None
    if conditioned is not None and changes.get("condition") is None:
        changes["condition"] = conditioned.component
    config = resolve_code_fit(changes, given, registry)
    if config.condition.name == "none":
        conditioned = None
    fit = CodeFit(config, registry, given, conditioned)
    record = record_of(
        fit.config,
        registry,
        codes_record(given, conditioned, file),
        condition_record(conditioned) if fit.condition is not None else None,
        device=str(fit.precision.device),
        precision=fit.precision.name,
    )
    return CodeFitting(fit.config, fit, record, Path(out) if out is not None else None, False, registry)


@torch_defaults()
def fit_prior(
    codes: Any,
    prior: str | Mapping[str, Any] = "flow-matching",
    *,
    conditions: Any = None,
    kind: str | None = None,
    entries: int | None = None,
    out: str | Path | None = None,
    observers: Sequence[FitObserver] = (),
    progress: bool | None = None,
    registry: Registry | None = None,
    **changes: Any,
) -> FittedPrior:
    """Fits a prior to codes from anywhere: `fit_prior(codes, "flow-matching", steps=2000)`.

    Codes are standardised before the prior sees them, and dimensions that do not vary are left out and put back.

    Args:
        codes: Real numbers (N, D), or maps (N, C, H, W); or indices of a codebook, whole numbers (N, H, W) or (N, D). A
            tensor, an array, a table or nested lists.
        prior: The prior: its name, or a table with the key `name` and its options.
        conditions: What the codes are conditioned on: whole numbers or texts (N,), the classes; or vectors (N, K).
        kind: `vectors`, `maps` or `indices`, where dtype and shape do not tell: whole numbers (N, D).
        entries: Of indices, the number of entries of their codebook; by default the largest index and 1.
        out: A folder in which the fit is kept, and can be gone on with (`priorkit fit --resume`); None for none.
        observers: Told what happens.
        progress: Whether to show how it goes: a bar on a terminal or in a notebook. None does in both.
        registry: Where components come from; the installed plug-ins if None.
        **changes: How it is trained: `steps`, `epochs`, `max_time`, `batch_size`, `learning_rate`, `lr_schedule`,
            `optimizer`, `average`, `seed`, `device` and others of `RunConfig`.

    Raises:
        PriorkitError: The codes are none, the prior cannot learn them, a setting is wrong, or the folder is taken.
        NonFiniteLossError: Training diverged.
        KeyboardInterrupt: Training was stopped by Ctrl-C; a fit with a folder can be gone on with.
    """
    fitting = prepare_code_fit(
        codes,
        {"prior": prior, **changes},
        conditions=conditions,
        kind=kind,
        entries=entries,
        out=out,
        registry=registry,
    )
    display = progress_for(progress, "codes")
    try:
        stopped = fitting.run(observers if display is None else [display, *observers])
    finally:
        if display is not None:
            display.close()
    if stopped is not None:
        raise_again(stopped)
    return fitting.fitted()
