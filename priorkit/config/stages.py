"""Stages: consecutive parts of a run, each with its own phases and length."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from priorkit.config.component_choice import comma_separated
from priorkit.config.lr_schedule import LRSchedule

__all__ = ["EVERY_PHASE", "Stage", "beginnings", "checked_stages", "lengthened", "listed_stages", "open_ended"]

EVERY_PHASE = "all"
"""Stands for all phases that take images, in the text form of a stage."""


class Stage(BaseModel):
    """A part of a run: a list of phases with a length.

    Written as a table, or as text: `autoencoder+prior-improvement:1000`, `all:1000`, `code-fitting`.

    Examples:
        >>> from priorkit.config import Stage
        >>> Stage.model_validate("autoencoder+prior-improvement:1000").phases
        ('autoencoder', 'prior-improvement')
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    phases: tuple[str, ...] = Field(
        (), description="names of its phases or of their components (none: all phases that take images)"
    )
    steps: int | None = Field(
        None, ge=1, description="its length; one stage may have no length, and gets the rest of the run's steps"
    )
    batch_size: int | None = Field(None, ge=2, description="images or codes per step (none: the run's)")
    learning_rate: float | None = Field(None, gt=0, description="learning rate (none: the run's)")
    lr_schedule: LRSchedule | None = Field(None, description="learning-rate schedule (none: the run's)")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # The last colon: a phase's name may include its distribution, DISTRIBUTION:PHASE:STEPS.
        head, colon, tail = value.strip().rpartition(":")
        phases, steps = (head, tail.strip()) if colon else (tail, "")
        names = [] if phases.strip() == EVERY_PHASE else [part.strip() for part in phases.split("+")]
        if not all(names) or (colon and not steps.isdecimal()):
            raise ValueError("expected PHASE:STEPS or PHASE+PHASE:STEPS, as in autoencoder:1000")
        return {"phases": names, "steps": int(steps) if steps else None}

    @field_validator("phases", mode="before")
    @classmethod
    def _from_names(cls, value: object) -> object:
        return [part.strip() for part in value.split("+")] if isinstance(value, str) else value

    @field_validator("phases")
    @classmethod
    def _no_phase_twice(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if value.count(name) > 1:
                raise ValueError(f"names {name!r} twice")
        return value

    def __str__(self) -> str:
        """Its text form."""
        phases = "+".join(self.phases) or EVERY_PHASE
        return phases if self.steps is None else f"{phases}:{self.steps}"


def listed_stages(value: object) -> object:
    """Normalises the value of a list of stages: text forms separated by commas, or a list of tables.

    Raises:
        ValueError: It is neither of these.
    """
    value = comma_separated(value)
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("expected a list of stages, such as autoencoder:1000,code-fitting:2000")
    return tuple(value)


def checked_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Checks that at most one stage has no length.

    Raises:
        ValueError: Several stages have no length.
    """
    open_ = [f"{number} ({stage})" for number, stage in enumerate(stages, 1) if stage.steps is None]
    if len(open_) > 1:
        raise ValueError(f"stages {' and '.join(open_)} have no length: only one may; give the others a length")
    return tuple(stages)


def lengthened(stages: Sequence[Stage], steps: int) -> tuple[Stage, ...]:
    """Gives a length to the open-ended stage, unless it is the last: it gets the rest of the run's steps.

    Args:
        stages: The stages, at most one of them without a length.
        steps: The run's number of steps, more than the stages with a length have together.
    """
    left = steps - sum(stage.steps or 0 for stage in stages)
    assert left > 0, "the other stages leave no steps"
    closed = [
        stage.model_copy(update={"steps": left}) if stage.steps is None else stage for stage in tuple(stages)[:-1]
    ]
    return (*closed, stages[-1])


def beginnings(stages: Sequence[Stage] | None) -> list[int]:
    """The number of steps before each stage of a resolved configuration; [0] for a run without stages.

    Examples:
        >>> from priorkit.config import RunConfig, beginnings
        >>> beginnings(RunConfig(stages="autoencoder:1000,code-fitting:500").stages)
        [0, 1000]
    """
    begins = [0]
    for stage in (stages or ())[:-1]:
        assert stage.steps is not None, "every stage but the last has been given its length"
        begins.append(begins[-1] + stage.steps)
    return begins


def open_ended(stages: object) -> object:
    """The stages of a layer of settings; if all of them have a length, that of the last stage is dropped."""
    listed = listed_stages(stages)
    assert isinstance(listed, tuple), "stages are listed as a tuple"
    *former, last = (Stage.model_validate(stage) for stage in listed)
    if any(stage.steps is None for stage in former):
        return [*former, last]
    return [*former, last.model_copy(update={"steps": None})]
