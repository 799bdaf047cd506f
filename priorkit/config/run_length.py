"""The length of a run: its limits and the lengths of its stages."""

from collections.abc import Sequence
from typing import Any

from priorkit.config.run_config import DEFAULT_STEPS, LIMITS, RunConfig
from priorkit.config.stages import Stage, beginnings, lengthened
from priorkit.errors import ConfigurationError

__all__ = ["require_reached_stages", "resolved_length"]


def resolved_length(config: RunConfig) -> dict[str, Any]:
    """The limits of a run; the last stage's length becomes the run's, so that all runs are prolonged alike.

    Raises:
        ConfigurationError: The run ends before its last stage begins, or has no steps for one of its stages.
    """
    unlimited = all(getattr(config, key) is None for key in LIMITS)
    if not config.stages:
        return {"steps": DEFAULT_STEPS} if unlimited else {}
    if any(stage.steps is None for stage in config.stages[:-1]):
        config = _with_every_length(config, config.stages)
    require_reached_stages(config)
    assert config.stages, "stages stay"
    begins, last = beginnings(config.stages)[-1], config.stages[-1]
    if last.steps is not None and config.steps not in (None, begins + last.steps):
        raise ConfigurationError(
            f"--steps {config.steps}: the stages {','.join(map(str, config.stages))} have {begins + last.steps} steps "
            "together; leave out --steps, or the length of the last stage"
        )
    steps = config.steps if last.steps is None else begins + last.steps
    return {
        "steps": begins + DEFAULT_STEPS if unlimited and steps is None else steps,
        "stages": (*config.stages[:-1], last.model_copy(update={"steps": None})),
    }


def _with_every_length(config: RunConfig, stages: Sequence[Stage]) -> RunConfig:
    """The settings of a run whose open-ended stage is not the last: it gets the steps that remain."""
    others = sum(stage.steps or 0 for stage in stages)
    steps = others + DEFAULT_STEPS if config.steps is None else config.steps
    if steps <= others:
        which = next(stage for stage in stages if stage.steps is None)
        raise ConfigurationError(
            f"--steps {steps}: of the stages {','.join(map(str, stages))}, those with a length take {others}, which "
            f"leaves none for {which}; use --steps N with N > {others}"
        )
    return config.model_copy(update={"stages": lengthened(stages, steps)})


def require_reached_stages(config: RunConfig) -> None:
    """Checks that a run does not end before its last stage begins.

    Raises:
        ConfigurationError: The run ends before its last stage begins, or its length is given in epochs.

    Examples:
        >>> from priorkit.config import RunConfig, require_reached_stages
        >>> require_reached_stages(RunConfig(stages="autoencoder:1000,code-fitting", steps=1500))
        >>> require_reached_stages(RunConfig(stages="autoencoder:1000,code-fitting", steps=800))
        Traceback (most recent call last):
            ...
        priorkit.errors.ConfigurationError: --steps 800: the run ends before its last stage (code-fitting) begins, ...
    """
    if not config.stages:
        return
    begins, last = beginnings(config.stages)[-1], config.stages[-1]
    if config.epochs is not None:
        raise ConfigurationError(
            f"--epochs {config.epochs:g}: a run with stages ({','.join(map(str, config.stages))}) is counted in steps; "
            "use --steps, or leave it out"
        )
    if config.steps is not None and config.steps <= begins:
        raise ConfigurationError(
            f"--steps {config.steps}: the run ends before its last stage ({last}) begins, after step {begins}; give "
            "more steps, or shorter --stages"
        )
