"""Resumes fits to given codes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from priorkit.codes.code_files import naming_codes, read_codes
from priorkit.codes.code_fit import CodeFit
from priorkit.codes.code_fitting import CodeFitting
from priorkit.codes.conditions import GivenConditions, given_conditions
from priorkit.codes.given_codes import GivenCodes, given_codes
from priorkit.codes.prior_folder import PriorFolder
from priorkit.codes.records import PriorRecord, codes_record
from priorkit.codes.settings import RESUMABLE_FIT
from priorkit.config import LIMITS, RunConfig, flag_for, merge_settings, resolve_config, validate_settings
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.folder import RunFolder, find_checkpoint
from priorkit.runs.used_plugins import require_plugins, with_used_plugins

__all__ = ["prepare_resumed_fit"]


def prepare_resumed_fit(
    path: str | Path,
    changes: Mapping[str, Any] | None = None,
    *,
    codes: Any = None,
    conditions: Any = None,
    file: Path | None = None,
    registry: Registry | None = None,
) -> CodeFitting:
    """Loads a fit for resuming it, as if it had never stopped. Writes nothing.

    Args:
        path: The folder of the prior.
        changes: New limits, or another device; a value of None changes nothing.
        codes: The same codes; None reads them from a file.
        conditions: The same conditions, if codes are given.
        file: The current file of the codes; None for the recorded file.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: There is no such fit, the codes differ, or the fit is complete.

    Examples:
        >>> import torch
        >>> from priorkit.codes import fit_prior, prepare_resumed_fit
        >>> codes = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        >>> fitted = fit_prior(codes, "flow-matching", steps=2, device="cpu", out="priors/mine")
        >>> fitting = prepare_resumed_fit("priors/mine", {"steps": 3}, codes=codes)
        >>> fitting.run()
        >>> fitting.fit.steps
        3
    """
    registry = installed_plugins() if registry is None else registry
    if (Path(path) / "config.toml").is_file():
        RunFolder.open(Path(path))
        raise ConfigurationError(f"{str(path)!r} is a run; resume it by priorkit train --resume {path}")
    folder = PriorFolder.open(Path(path))
    record, kept = folder.read_record(), folder.read_config()
    environment = {"components": record.components}
    require_plugins(folder.path, environment, registry)
    kept = resolve_config(with_used_plugins(kept, environment, registry, folder.config), registry)
    config = _with_changes(kept, changes or {})
    checkpoint = find_checkpoint(folder.checkpoints, state=True)
    state = folder.checkpoints.load_state(checkpoint)
    if not state:
        raise RunFolderError(
            f"{str(path)!r} was saved by FittedPrior.save, without the state needed to resume; fit another prior"
        )
    given, conditioned = _same_codes(folder, record, config, codes, conditions, file)
    fit = CodeFit(config.model_copy(update={"precision": record.precision}), registry, given, conditioned)
    try:
        fit.load(folder.checkpoints.load_weights(checkpoint), state)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"the checkpoint {str(checkpoint)!r} does not fit the prior that {str(folder.config)!r} "
            f"describes: has a plug-in changed? ({(str(error) or type(error).__name__).splitlines()[0]})"
        ) from None
    if fit.finished():
        raise ConfigurationError(
            f"{str(path)!r} has reached its limit ({fit.steps} steps); prolong it, as by --steps {2 * fit.steps}"
            if fit.config.steps != 1
            else f"{str(path)!r} is complete: its prior was fitted to all codes at once; fit another to a new --out"
        )
    return CodeFitting(config, fit, record, Path(path), True, registry)


def _with_changes(kept: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    changes = {key: value for key, value in changes.items() if value is not None}
    refused = sorted(set(changes) - set(RESUMABLE_FIT))
    if refused:
        raise ConfigurationError(
            f"{flag_for((refused[0],))}: --resume keeps the fit's configuration; leave it out, or fit another prior"
        )
    settings = kept.model_dump()
    if set(changes) & set(LIMITS):
        # A new limit replaces all old ones, of whatever kind.
        settings.update(dict.fromkeys(LIMITS))
    return validate_settings(merge_settings(settings, changes))


def _same_codes(
    folder: PriorFolder, record: PriorRecord, config: RunConfig, codes: Any, conditions: Any, file: Path | None
) -> tuple[GivenCodes, GivenConditions | None]:
    """The codes that the prior was fitted to, and their conditions.

    Raises:
        ConfigurationError: The codes differ, or are missing.
    """
    if codes is None:
        if file is None and record.codes.file is None:
            raise ConfigurationError(
                f"{str(folder.path)!r} was fitted to codes that came from no file; give the same codes by --codes"
            )
        file = file or Path(str(record.codes.file))
        read = read_codes(file)
        codes, conditions = read.codes, read.conditions_for(config.condition.name)
    conditioned = None
    with naming_codes(file):
        given = given_codes(codes, kind=record.codes.space.kind.value, entries=record.codes.entries or None)
        if conditions is not None and config.condition.name != "none":
            conditioned = given_conditions(conditions, len(given))
    if codes_record(given, conditioned, None).fingerprint != record.codes.fingerprint:
        raise ConfigurationError(
            f"these are not the codes that {str(folder.path)!r} was fitted to, or their conditions differ; give "
            "the same file by --codes, or fit another prior"
        )
    return given, conditioned
