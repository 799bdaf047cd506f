"""Plans the runs of a study from a user's request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priorkit.config import (
    LIMITS,
    RunConfig,
    describe_fields,
    flag_for,
    format_duration,
    merge_settings,
    resolve_config,
    validate_settings,
)
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.plugins import KINDS, kind_named
from priorkit.registry import Registry
from priorkit.runs import settings_of_fit
from priorkit.studies.stage_lengths import stages_of_study
from priorkit.studies.study import ComparedSystem, Study

__all__ = ["COMMON_SLOTS", "PlannedRun", "Request", "plan_runs"]

COMMON_SLOTS = ("dataset", "networks", "extractor")
"""Kinds of components that users may choose for all systems of a study; the other kinds are compared by the study."""
_SLOTS = frozenset(kind.slot for kind in KINDS)
_OWN = ("seed", *LIMITS)
"""Settings that the study itself determines."""


@dataclass(frozen=True)
class Request:
    """A user's request for a study.

    Attributes:
        study: The study.
        out: The study's folder.
        limit: Length of each training: `steps`, or `max_time` in seconds.
        common: Settings of all runs, by key (`batch_size`) or by component and option (`networks.width`); text is
            parsed as on the command line. A component's option applies to the systems whose component has it.
        seeds: Number of trainings of each system, with the seeds 0, 1, ...; at least 1.
        systems: Names of the systems to train; all if empty.
        samples: Number of samples for scores; with 0, there are only the scores measured during training.
        fit_limit: Length of each fit, in a study that fits priors: like `limit`.
        texts: Texts to draw instead of the study's own texts, in a study that draws texts.
    """

    study: Study
    out: Path
    limit: Mapping[str, float]
    common: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 3
    systems: tuple[str, ...] = ()
    samples: int = 10_000
    fit_limit: Mapping[str, float] = field(default_factory=lambda: {"max_time": 60.0})
    texts: tuple[str, ...] = ()

    @property
    def budget(self) -> str:
        """The limits in words."""
        trained, fitted = _in_words(self.limit), _in_words(self.fit_limit)
        # Steps without further words are training steps.
        trained = trained if "steps" in self.limit else f"{trained} of training"
        return f"{trained} and {fitted} of fitting" if self.study.has_fits else trained


@dataclass(frozen=True)
class PlannedRun:
    """One training or fit of a study.

    Attributes:
        system: The system.
        seed: The seed.
        path: The run folder.
        config: The resolved configuration.
        fitted_to: For a fit, the run to whose codes the prior is fitted; otherwise None.
        fit: For a fit, the study's changes to the defaults of fits.
    """

    system: ComparedSystem
    seed: int
    path: Path
    config: RunConfig
    fitted_to: Path | None = None
    fit: Mapping[str, Any] = field(default_factory=dict)


def plan_runs(request: Request, registry: Registry) -> list[PlannedRun]:
    """The runs of a request: every system with the first seed, then every system with the next seed.

    Raises:
        ConfigurationError: A setting is unknown, wrong, or determined by the study itself.
        UnknownComponentError: No plug-in supplies a recipe or component.
    """
    if request.seeds < 1:
        raise ConfigurationError(f"--seeds must be at least 1, not {request.seeds}")
    systems = request.study.chosen(request.systems)
    _refuse_own_settings(request)
    unused = {key for key in request.common if _is_option(key)}
    configs = {}
    for system in (system for system in systems if not system.fitted_to):
        _require_recipe(request, system, registry)
        settings, used = _settings(request, system, registry)
        unused -= used
        configs[system.name] = resolve_config(validate_settings(settings), registry)
    fits: dict[str, dict[str, Any]] = {}
    for system in (system for system in systems if system.fitted_to):
        fits[system.name], used = _fit_changes(request, system, registry)
        unused -= used
    if unused:
        flag = flag_for(tuple(sorted(unused)[0].split(".")))
        raise ConfigurationError(f"{flag}: no system of {request.study.name} has a component with that option")
    return [
        _planned(request, system, seed, configs[system.fitted_to or system.name], fits.get(system.name), registry)
        for seed in range(request.seeds)
        for system in systems
    ]


def _planned(
    request: Request,
    system: ComparedSystem,
    seed: int,
    config: RunConfig,
    fit: dict[str, Any] | None,
    registry: Registry,
) -> PlannedRun:
    """A run of a system with a seed: a training, or a fit to such a training."""
    config = config.model_copy(update={"seed": seed})
    path = request.out / f"{system.name}-seed{seed}"
    if fit is None:
        return PlannedRun(system, seed, path, config)
    base = request.out / f"{system.fitted_to}-seed{seed}"
    fitted = resolve_config(validate_settings(merge_settings(settings_of_fit(config, base), fit)), registry)
    return PlannedRun(system, seed, path, fitted, base, fit)


def _in_words(limit: Mapping[str, float]) -> str:
    steps = limit.get("steps")
    return f"{int(steps)} steps" if steps is not None else format_duration(limit["max_time"])


def _is_option(key: str) -> bool:
    return key.partition(".")[0] in _SLOTS and "." in key


def _require_recipe(request: Request, system: ComparedSystem, registry: Registry) -> None:
    try:
        registry.recipe(system.recipe)
    except UnknownComponentError as error:
        raise UnknownComponentError(
            f"{request.study.name} trains {system.title} by a recipe that is not installed: {error} To train other "
            "systems, name them with --systems."
        ) from None


def _refuse_own_settings(request: Request) -> None:
    """Refuses settings that distinguish the study's systems, and their length and seeds, which the study determines."""
    study = request.study
    apart = {key for system in study.systems for key in system.settings}
    for key in request.common:
        flag = flag_for(tuple(key.split(".")))
        if key in _OWN:
            raise ConfigurationError(f"{study.name} takes --steps or --budget, and --seeds; leave out {flag}")
        if key in apart or (key in _SLOTS and key not in COMMON_SLOTS):
            raise ConfigurationError(
                f"{flag} is what {study.name} compares, so it cannot be the same for all; leave it out, or train "
                "another system with `priorkit train`, and compare both with `priorkit compare`"
            )


def _settings(request: Request, system: ComparedSystem, registry: Registry) -> tuple[dict[str, Any], set[str]]:
    """The settings of a system except its seed, and the keys of the component options that it uses."""
    study, common = request.study, dict(request.common)
    settings: dict[str, Any] = {
        kind.slot: RunConfig.model_fields[kind.slot].default for kind in KINDS if not kind.several
    }
    for layer in (registry.recipe(system.recipe).settings, study.settings, system.settings):
        settings = merge_settings(settings, layer)
    if study.code_dims and "code_dim" not in common:
        settings["code_dim"] = _code_dim(study, str(common.get("dataset", RunConfig().dataset.name)))
    fields = {".".join(item.path): item for item in describe_fields(RunConfig)}
    for key in [key for key in common if not _is_option(key)]:
        value = common.pop(key)
        if key not in fields:
            raise ConfigurationError(f"a run has no setting {key!r}")
        settings = merge_settings(settings, _nested(key, fields[key].value(value) if _is_text(value) else value))
    settings, used = _with_options(settings, common, registry)
    if settings.get("stages") and "stages" not in request.common:
        settings["stages"] = stages_of_study(settings, request.limit, study.name)
    # The study's length replaces the recipe's.
    return merge_settings(settings, {**dict.fromkeys(LIMITS), **request.limit}), used


def _fit_changes(request: Request, system: ComparedSystem, registry: Registry) -> tuple[dict[str, Any], set[str]]:
    """The study's changes to the defaults of a fit, and the keys of the prior's options that it uses."""
    options = {key: value for key, value in request.common.items() if key.startswith("prior.")}
    settings, used = _with_options(dict(system.settings), options, registry)
    return {**settings, "steps": None, **request.fit_limit}, used


def _with_options(
    settings: dict[str, Any], options: Mapping[str, Any], registry: Registry
) -> tuple[dict[str, Any], set[str]]:
    """Adds the options that the settings' components have, and returns the settings and the keys of these options."""
    chosen, used = validate_settings(settings), set()
    for key, value in options.items():
        slot = key.partition(".")[0]
        if kind_named(slot).several:
            continue
        component = registry.get(slot, getattr(chosen, slot).name).component
        known = {".".join(item.path): item for item in describe_fields(component.options, (slot,))}
        if key in known:
            used.add(key)
            settings = merge_settings(settings, _nested(key, known[key].value(value) if _is_text(value) else value))
    return settings, used


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _nested(key: str, value: Any) -> dict[str, Any]:
    """Converts `networks.width` to a table; a key without a dot remains a key."""
    table, _, name = key.partition(".")
    return {table: {name: value}} if name else {table: value}


def _code_dim(study: Study, dataset: str) -> int:
    if dataset not in study.code_dims:
        sizes = ", ".join(f"{size} for {name}" for name, size in study.code_dims.items())
        raise ConfigurationError(
            f"{study.name} has code sizes for the paper's data sets ({sizes}), but none for {dataset!r}; "
            "give one with --code-dim"
        )
    return study.code_dims[dataset]
