"""The phases of a run: those that it lists, and those that its other components add."""

from collections.abc import Sequence

from priorkit.config import RunConfig
from priorkit.config.building import build_choice
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch, Phase, System
from priorkit.models.guarded_phase import ChosenPhase
from priorkit.models.phase_contract import mistake_in_phase
from priorkit.plugins import PhaseContext
from priorkit.registry import Registered, Registry
from priorkit.registry.guard import refusing

__all__ = ["phases_of"]

_BRINGERS = ("encoder", "condition", "prior", "regularizer")


def phases_of(system: System, config: RunConfig, registry: Registry) -> tuple[ChosenPhase, ...]:
    """Builds the phases that a run lists, and asks the components of its system for theirs.

    A run that fits a prior to the codes of another run has only phases that take codes.

    Raises:
        ConfigurationError: A component refuses the system, or a phase breaks its contract.
        PluginError: A third party's plug-in fails.
    """
    chosen: list[ChosenPhase] = []
    for choice in config.phases:
        registered, given = registry.get("phases", choice.name), f"--phases {choice.name}"
        made = build_choice(choice, registry, "phases", _context(system, config))
        _take(chosen, [made] if isinstance(made, Phase) else made, system, registered, given)
    for slot in _BRINGERS:
        component = getattr(system, slot)
        if component is None:
            continue
        name = getattr(config, slot).name
        registered, given = registry.get(slot, name), f"--{slot} {name}"
        with refusing(registered, given):
            phases = list(component.phases(system))
        _take(chosen, phases, system, registered, given)
    if config.fitted_to is None:
        return tuple(chosen)
    images = [item for item in chosen if item.phase.batch is Batch.IMAGES and not item.brought]
    if images:
        raise ConfigurationError(
            f"{images[0].given}: this phase takes images, but a fit does not change the autoencoder: its phases take "
            "codes, such as --phases code-fitting"
        )
    return tuple(item for item in chosen if item.phase.batch is not Batch.IMAGES)


def _context(system: System, config: RunConfig) -> PhaseContext:
    return PhaseContext(
        system,
        reconstruction_weight=config.reconstruction_weight,
        decoder_in_both_phases=config.decoder_in_both_phases,
        critic_steps=config.critic_steps,
        reconstructions_as_fakes=config.reconstructions_as_fakes,
        balance_fakes=config.balance_fakes,
    )


def _take(chosen: list[ChosenPhase], phases: object, system: System, registered: Registered, given: str) -> None:
    """Adds phases to the chosen ones, after checking their contract."""
    if not isinstance(phases, Sequence):
        raise ConfigurationError(
            f"{given}: it gave {phases!r}, not a Phase or a list of them (an empty one for none); this is a mistake in "
            "the plug-in"
        )
    for phase in phases:
        wrong = mistake_in_phase(phase, system, [item.phase for item in chosen])
        if wrong:
            raise ConfigurationError(f"{given}: {wrong}; this is a mistake in the plug-in")
        chosen.append(ChosenPhase(phase, registered, given))
