"""Which phases a system is trained by."""

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Learning, Phase, Place
from priorkit.models.brought_phases import GuardedPhase
from priorkit.models.system import BuiltSystem
from priorkit.training.autoencoder_phase import AutoencoderPhase
from priorkit.training.code_fitting_phase import CodeFittingPhase
from priorkit.training.code_matching_phase import CodeMatchingPhase
from priorkit.training.prior_improvement_phase import PriorImprovementPhase, Turns

__all__ = ["make_phases"]


def make_phases(system: BuiltSystem, config: RunConfig) -> list[Phase]:
    """The phases of a step, in order.

    The autoencoder's where there is an encoder, code matching where the prior learns from codes, the prior's
    improvement where there is D_I, and those that components bring, each in its place. Code fitting alone where an
    autoencoder stands still.

    Raises:
        ConfigurationError: The image discriminator cannot take several steps in this system.
    """
    if system.fits_codes:
        return [CodeFittingPhase(system)]
    brought = {place: [GuardedPhase(item) for item in system.brought if item.phase.place is place] for place in Place}
    phases: list[Phase] = [*brought[Place.BEFORE_AUTOENCODER]]
    if system.encoder is not None:
        phases.append(AutoencoderPhase(system, config.reconstruction_weight))
        if system.prior.learning is Learning.CODES:
            phases.append(CodeMatchingPhase(system))
    phases += brought[Place.AFTER_AUTOENCODER]
    apart = config.critic_steps > 1
    if apart:
        _refuse_steps_apart(system, config)
    if system.image_critic is not None:
        improvement = [
            PriorImprovementPhase(
                system,
                trains_decoder=config.decoder_in_both_phases,
                reconstructions_as_fakes=config.reconstructions_as_fakes and system.encoder is not None,
                balance_fakes=config.balance_fakes,
                turns=turns,
                every=config.critic_steps if turns is Turns.GENERATOR else 1,
            )
            for turns in ((Turns.CRITIC, Turns.GENERATOR) if apart else (Turns.BOTH,))
        ]
        phases += [phase for phase in improvement if phase.players]
    return phases + brought[Place.LAST]


def _refuse_steps_apart(system: BuiltSystem, config: RunConfig) -> None:
    given = f"--critic-steps {config.critic_steps}"
    if system.image_critic is None:
        raise ConfigurationError(f"{given}: this system has no image discriminator; leave it out")
    if config.simultaneous:
        raise ConfigurationError(
            f"{given} and --simultaneous do not go together: a discriminator that takes several steps moves before "
            "those who fool it; leave one of them out"
        )
