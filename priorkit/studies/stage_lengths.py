"""How long the stages of a study's systems are."""

from collections.abc import Mapping
from typing import Any

from priorkit.config import Stage
from priorkit.errors import ConfigurationError

__all__ = ["stages_of_study"]


def stages_of_study(settings: Mapping[str, Any], limit: Mapping[str, float], study: str) -> list[Stage]:
    """The stages of a recipe for a run of another length: each has the share of the steps that it has in the recipe.

    One of them has no length of its own, and takes what the others leave: the one of which that is so in the recipe, or
    the last.

    Args:
        settings: Those of the recipe, with its `stages` and `steps`.
        limit: `steps`, as many as the run is to have.
        study: The study's name, for messages.

    Raises:
        ConfigurationError: The study is limited by time, or has too few steps.
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
    if whole is None:
        return stages
    return [
        stage if stage.steps is None else stage.model_copy(update={"steps": max(1, int(stage.steps * steps / whole))})
        for stage in stages
    ]
