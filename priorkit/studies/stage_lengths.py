"""How long the stages of a study's systems are."""

from collections.abc import Mapping, Sequence
from typing import Any

from priorkit.config import Stage
from priorkit.errors import ConfigurationError

__all__ = ["stages_of_study"]


def stages_of_study(settings: Mapping[str, Any], limit: Mapping[str, float], study: str) -> list[Stage]:
    """The stages of a recipe for a run of another length: each has the share of the steps that it has in the recipe.

    One of them has no length of its own, and takes what the others leave, at least one step: the one of which that is
    so in the recipe, or the last. Where the recipe does not say how many steps that one has, as its `steps` are not
    given or too few, the others keep their lengths.

    Args:
        settings: Those of the recipe, with its `stages` and `steps`.
        limit: `steps`, as many as the run is to have.
        study: The study's name, for messages.

    Raises:
        ConfigurationError: The study is limited by time, or has too few steps for its stages.
    """
    stages = [Stage.model_validate(stage) for stage in settings["stages"]]
    names = ",".join(map(str, stages))
    if "steps" not in limit:
        raise ConfigurationError(
            f"--budget: {study} trains in stages ({names}), which are counted in steps; give --steps N in its place"
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
    """Lengths, the longest of which are cut so far that they leave a step: rounding may leave none."""
    lengths = list(lengths)
    while (excess := sum(length or 0 for length in lengths) - (steps - 1)) > 0:
        longest = max(range(len(lengths)), key=lambda place: lengths[place] or 0)
        length = lengths[longest] or 0
        assert length > 1, "there are at least as many steps as stages"
        lengths[longest] = max(1, length - excess)
    return lengths
