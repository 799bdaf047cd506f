"""The stages of a run: their phases, batches and lengths."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from priorkit.config import LRSchedule, RunConfig, Stage, beginnings
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch, Learning, Phase, Place
from priorkit.models.guarded_phase import ChosenPhase, GuardedPhase
from priorkit.models.phase_contract import trained_by
from priorkit.models.watched_phase import OutsideComponent, WatchedPhase
from priorkit.plugins import nearest
from priorkit.registry import bare_name

__all__ = ["PlannedStage", "plan_stages"]


@dataclass(frozen=True)
class PlannedStage:
    """A stage of a run.

    Attributes:
        chosen: The phases, in the order of a step.
        begins: The run's step after which the stage begins.
        ends: The step after which it ends; None for the last stage, which lasts until the run ends.
        batch: What the phases take batches of.
        batch_size: Number of images or codes in a step.
        learning_rate: The learning rate of every network without its own.
        lr_schedule: The schedule of all learning rates, from the stage's first step on.
        outside: The third parties' components that take part.
    """

    chosen: tuple[ChosenPhase, ...]
    begins: int
    ends: int | None
    batch: Batch
    batch_size: int
    learning_rate: float
    lr_schedule: LRSchedule
    outside: tuple[OutsideComponent, ...] = ()

    @property
    def phases(self) -> list[Phase]:
        """The phases, ready to run: errors of third parties' phases and components name their plug-in."""
        return [self._ready(item) for item in self.chosen]

    def _ready(self, item: ChosenPhase) -> Phase:
        if not item.own:
            return GuardedPhase(item)
        return WatchedPhase(item.phase, self.outside) if self.outside else item.phase

    def trains(self) -> set[str]:
        """The networks that the phases train."""
        return {name for item in self.chosen for name in trained_by(item.phase)}


def plan_stages(
    chosen: Sequence[ChosenPhase],
    config: RunConfig,
    known: Sequence[str],
    learning: Learning,
    outside: tuple[OutsideComponent, ...] = (),
) -> tuple[PlannedStage, ...]:
    """Distributes the phases of a run to its stages; a run without stages has one.

    Args:
        chosen: The phases that were built.
        config: The run's settings.
        known: The names of all components that are phases.
        learning: How the prior learns, for messages.
        outside: The third parties' components of the run.

    Raises:
        ConfigurationError: A stage names an unknown phase, or incompatible phases; or a phase belongs to no stage.
    """
    listed = config.stages or (Stage(),)
    begins = beginnings(listed)
    stages = []
    for number, stage in enumerate(listed):
        if stage.phases:
            phases = tuple(_named(stage, chosen, config, known, learning))
        else:
            phases = _every(chosen, fits=config.fitted_to is not None)
        batch = _common_batch(stage, phases)
        ends = begins[number + 1] if number + 1 < len(listed) else None
        if batch is Batch.ALL_CODES:
            _require_one_step(stage, phases, begins[number], ends)
            ends = begins[number] + 1
        stages.append(
            PlannedStage(
                phases,
                begins[number],
                ends,
                batch,
                stage.batch_size or config.batch_size,
                stage.learning_rate or config.learning_rate,
                stage.lr_schedule or config.lr_schedule,
                outside,
            )
        )
    _refuse_idle(chosen, stages, config)
    return tuple(stages)


def _named(
    stage: Stage, chosen: Sequence[ChosenPhase], config: RunConfig, known: Sequence[str], learning: Learning
) -> Iterable[ChosenPhase]:
    for name in stage.phases:
        wanted = name.replace("_", "-")
        found = [item for item in chosen if wanted in _names(item)]
        if not found and bare_name(wanted) in known:
            raise ConfigurationError(
                f"--stages {stage}: the phase {name!r} has nothing to train in this system, whose --prior "
                f"{config.prior.name} learns by {learning.value!r}; leave it out, or use a prior that it trains, "
                "such as --prior flow-matching for code-matching and code-fitting"
            )
        if not found:
            names = list(dict.fromkeys(name for item in chosen for name in _names(item)[1:]))
            raise ConfigurationError(
                f"--stages {stage}: there is no phase {name!r}{nearest(name, [*names, *known])} The phases of this run "
                f"are {', '.join(names) or 'none'}; `priorkit components phase` lists all, "
                "except phases that other components add, such as the one of a text encoder that is "
                "not pretrained; leave this stage out, or choose such a component"
            )
        yield from found


def _names(item: ChosenPhase) -> tuple[str, str, str]:
    """The names by which a stage may refer to a phase: the component's, also with its distribution, and its own."""
    component = item.registered.component.name
    return f"{item.registered.distribution}:{component}", component, item.phase.name.replace("_", "-")


def _every(chosen: Sequence[ChosenPhase], *, fits: bool) -> tuple[ChosenPhase, ...]:
    """All phases that take images or, with a frozen autoencoder, codes, in order."""
    takes = [item for item in chosen if (item.phase.batch is Batch.IMAGES) is not fits]
    ordered = [item for item in takes if not item.brought]
    # The prior improvement phase is the first one that trains D_I.
    after = next(
        (number for number, item in enumerate(ordered) if "image_critic" in trained_by(item.phase)), len(ordered)
    )
    places = {place: [item for item in takes if item.brought and item.phase.place is place] for place in Place}
    return (
        *places[Place.BEFORE_AUTOENCODER],
        *ordered[:after],
        *places[Place.AFTER_AUTOENCODER],
        *ordered[after:],
        *places[Place.LAST],
    )


def _common_batch(stage: Stage, phases: Sequence[ChosenPhase]) -> Batch:
    first = phases[0].phase if phases else None
    for item in phases:
        assert first is not None
        if item.phase.batch is not first.batch:
            raise ConfigurationError(
                f"--stages {stage}: its phase {first.name!r} takes {first.batch.value}, and {item.phase.name!r} takes "
                f"{item.phase.batch.value}; give each a separate stage"
            )
    return first.batch if first is not None else Batch.IMAGES


def _require_one_step(stage: Stage, phases: Sequence[ChosenPhase], begins: int, ends: int | None) -> None:
    if ends is not None and ends != begins + 1:
        raise ConfigurationError(
            f"--stages {stage}: {phases[0].phase.name!r} takes all codes at once, so its stage has one step: write "
            f"{'+'.join(stage.phases)}:1"
        )


def _refuse_idle(chosen: Sequence[ChosenPhase], stages: Sequence[PlannedStage], config: RunConfig) -> None:
    """Refuses requested phases that belong to no stage."""
    for item in chosen:
        name, takes = item.phase.name, item.phase.batch
        if any(item in stage.chosen for stage in stages):
            continue
        if config.stages:
            raise ConfigurationError(
                f"{item.given}: its phase {name!r} belongs to no stage; add {name.replace('_', '-')} to one of "
                f"--stages {','.join(map(str, config.stages))}"
            )
        if takes is not Batch.IMAGES:
            raise ConfigurationError(
                f"{item.given}: its phase {name!r} takes codes of a frozen encoder, so it needs a stage of "
                f"its own: --stages all:1000,{name.replace('_', '-')}:1000, or priorkit fit RUN"
            )
