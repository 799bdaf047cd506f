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
    """Checks codes and builds the prior to fit to them. Writes nothing.

    Args:
        codes: Codes, as for `fit_prior`.
        changes: The prior and its options, and the settings of its training.
        conditions: The codes' conditions.
        kind: The kind of codes, if ambiguous.
        entries: For indices, the number of entries of their codebook.
        out: The folder to make; None saves nothing to disk.
        file: The file of the codes, which is recorded and named in errors.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: The codes are invalid, the prior cannot learn them, a setting is wrong, or the folder is in use.

    Examples:
        >>> import torch
        >>> from priorkit.codes import prepare_code_fit
        >>> codes = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        >>> fitting = prepare_code_fit(codes, {"prior": "flow-matching", "steps": 500}, out="priors/mine")
        >>> fitting.config.batch_size, fitting.fit.total_steps(), fitting.path.exists()
        (100, 500, False)
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

    Codes are standardised for the prior; constant dimensions are removed and restored in samples.

    Args:
        codes: Real numbers (N, D), or maps (N, C, H, W); or indices of a codebook, whole numbers (N, H, W) or (N, D). A
            tensor, an array, a table or nested lists.
        prior: The prior: its name, or a table with the key `name` and its options.
        conditions: The codes' conditions: classes, whole numbers or texts (N,); or vectors (N, K).
        kind: `vectors`, `maps` or `indices`, if dtype and shape are ambiguous: for whole numbers (N, D).
        entries: For indices, the number of entries of their codebook; by default the largest index + 1.
        out: A folder for the fit, which can then be resumed (`priorkit fit --resume`); or None.
        observers: The observers to notify.
        progress: Whether to show a progress bar. None shows one on a terminal or in a notebook.
        registry: Where components come from; the installed plug-ins if None.
        **changes: Settings of the training: `steps`, `epochs`, `max_time`, `batch_size`, `learning_rate`,
            `lr_schedule`, `optimizer`, `average`, `seed`, `device` and others of `RunConfig`.

    Raises:
        PriorkitError: The codes are invalid, the prior cannot learn them, a setting is wrong, or the folder is in use.
        NonFiniteLossError: Training diverged.
        KeyboardInterrupt: Training was stopped by Ctrl-C; a fit with a folder can be resumed.

    Examples:
        >>> import priorkit
        >>> import torch
        >>> codes = 3 + 2 * torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
        >>> fitted = priorkit.fit_prior(codes, "full-gaussian", device="cpu")
        >>> fitted.sample(10).shape, fitted.log_prob(codes).shape
        (torch.Size([10, 4]), torch.Size([500]))
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
