"""Computes the lengths of the stages of a study's systems."""

from collections.abc import Mapping, Sequence
from typing import Any

from priorkit.config import Stage
from priorkit.errors import ConfigurationError

__all__ = ["stages_of_study"]


def stages_of_study(settings: Mapping[str, Any], limit: Mapping[str, float], study: str) -> list[Stage]:
    """The stages of a recipe for a run of another length: each keeps its share of the steps.

    One stage has no length of its own, and takes the steps that the others leave, at least one: the recipe's stage
    without a length, or else the last. If the recipe does not determine the length of this stage, because its `steps`
    are missing or too few, the other stages keep their lengths.

    Args:
        settings: The recipe's settings, with its `stages` and `steps`.
        limit: The limit of the run, which must be `steps`.
        study: The study's name, for messages.

    Raises:
        ConfigurationError: The study is limited by time, or has too few steps for its stages.
    """
    stages = [Stage.model_validate(stage) for stage in settings["stages"]]
    names = ",".join(map(str, stages))
    if "steps" not in limit:
        raise ConfigurationError(
            f"--budget: {study} trains in stages ({names}), which are counted in steps; use --steps N instead"
        )
    steps, whole = int(limit["steps"]), settings.get("steps")
    if steps < len(stages):
        raise ConfigurationError(f"--steps {steps}: {study} trains in the stages {names}; give at least {len(stages)}")
    if all(stage.steps is not None for stage in stages):
        whole = sum(stage.steps or 0 for stage in stages)
        stages[-1] = stages[-1].model_copy(update={"steps": None})
    closed = sum(stage.steps or 0 for stage in stages)
    if whole is None or whole <= closed:
        if steps <= closed:
            raise ConfigurationError(
                f"--steps {steps}: {study} trains in the stages {names}, which leave no step for the one without a "
                f"length; give at least {closed + 1}, or other lengths by --stages"
            )
        return stages
    lengths = [stage.steps and max(1, int(stage.steps * steps / whole)) for stage in stages]
    return [
        stage.model_copy(update={"steps": length})
        for stage, length in zip(stages, _leaving_one(lengths, steps), strict=True)
    ]


def _leaving_one(lengths: Sequence[int | None], steps: int) -> list[int | None]:
    """Shortens the longest lengths until at least one step is left for the open stage: rounding may leave none."""
    lengths = list(lengths)
    while (excess := sum(length or 0 for length in lengths) - (steps - 1)) > 0:
        longest = max(range(len(lengths)), key=lambda place: lengths[place] or 0)
        length = lengths[longest] or 0
        assert length > 1, "there are at least as many steps as stages"
        lengths[longest] = max(1, length - excess)
    return lengths
