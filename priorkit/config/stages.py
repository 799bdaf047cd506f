"""Stages: which phases train a run, and for how long, before the next ones do."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from priorkit.config.component_choice import comma_separated
from priorkit.config.lr_schedule import LRSchedule

__all__ = ["EVERY_PHASE", "Stage", "beginnings", "checked_stages", "lengthened", "listed_stages", "open_ended"]

EVERY_PHASE = "all"
"""In the text form of a stage: all phases that take images."""


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
        (), description="its phases, by their own names or their components'; none for all that take images"
    )
    steps: int | None = Field(
        None, ge=1, description="its length; one stage may have none, and takes what the run's steps leave for it"
    )
    batch_size: int | None = Field(None, ge=2, description="images or codes per step, if other than the run's")
    learning_rate: float | None = Field(None, gt=0, description="learning rate, if other than the run's")
    lr_schedule: LRSchedule | None = Field(None, description="its schedule, if other than the run's")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # The last colon: a phase may be named with its distribution, DISTRIBUTION:PHASE:STEPS.
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
    """What stands for a list of stages, as a list: their text forms with commas between them, or tables.

    Raises:
        ValueError: It is neither.
    """
    value = comma_separated(value)
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("expected a list of stages, such as autoencoder:1000,code-fitting:2000")
    return tuple(value)


def checked_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Makes sure that every stage but one says how long it is.

    Raises:
        ValueError: Several do not.
    """
    open_ = [f"{number} ({stage})" for number, stage in enumerate(stages, 1) if stage.steps is None]
    if len(open_) > 1:
        raise ValueError(
            f"stages {' and '.join(open_)} have no length: one may take what the run's steps leave; give the others one"
        )
    return tuple(stages)


def lengthened(stages: Sequence[Stage], steps: int) -> tuple[Stage, ...]:
    """Stages of which every one but the last has a length: one that has none takes what the others leave of the run.

    Args:
        stages: The stages, at most one of them without a length.
        steps: Those of the run, more than the stages with a length have.
    """
    left = steps - sum(stage.steps or 0 for stage in stages)
    assert left > 0, "the others leave it some"
    closed = [
        stage.model_copy(update={"steps": left}) if stage.steps is None else stage for stage in tuple(stages)[:-1]
    ]
    return (*closed, stages[-1])


def beginnings(stages: Sequence[Stage] | None) -> list[int]:
    """After how many steps each stage begins, of a resolved configuration; [0] for a run without stages."""
    begins = [0]
    for stage in (stages or ())[:-1]:
        assert stage.steps is not None, "every stage but the last has been given its length"
        begins.append(begins[-1] + stage.steps)
    return begins


def open_ended(stages: object) -> object:
    """Stages, as a layer of settings has them, one of which has no length of its own: the last, if none else has."""
    listed = listed_stages(stages)
    assert isinstance(listed, tuple), "stages are listed as a tuple"
    *former, last = (Stage.model_validate(stage) for stage in listed)
    if any(stage.steps is None for stage in former):
        return [*former, last]
    return [*former, last.model_copy(update={"steps": None})]
