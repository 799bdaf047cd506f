"""The phases that train autoencoders, GANs and priors of codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, PhaseComponent, PhaseContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Phase

__all__ = ["PhaseOptions", "priorkit_phases"]

_PAPER = "Algorithm 1 of Wang et al. 2020"


class PhaseOptions(Options):
    """Options of these phases: none. The algorithm's settings are the run's."""


def _build_autoencoder(options: PhaseOptions, context: PhaseContext) -> Sequence[Phase]:
    from priorkit_plugins.phases.autoencoder import AutoencoderPhase

    if context.system.encoder is None:
        return ()
    if context.system.regularizer is None:
        raise ValueError("trains an autoencoder, but this run uses that of another run; use --phases code-fitting")
    return (AutoencoderPhase(context.system, context.reconstruction_weight),)


def _build_code_matching(options: PhaseOptions, context: PhaseContext) -> Sequence[Phase]:
    from priorkit.interfaces import Learning
    from priorkit_plugins.phases.code_matching import CodeMatchingPhase

    if context.system.encoder is None or context.system.prior.learning is not Learning.CODES:
        return ()
    return (CodeMatchingPhase(context.system),)


def _build_prior_improvement(options: PhaseOptions, context: PhaseContext) -> Sequence[Phase]:
    from priorkit_plugins.phases.prior_improvement import PriorImprovementPhase, Turns

    system = context.system
    if system.image_critic is None:
        return ()
    apart = context.critic_steps > 1
    phases = [
        PriorImprovementPhase(
            system,
            trains_decoder=context.decoder_in_both_phases,
            reconstructions_as_fakes=context.reconstructions_as_fakes and system.encoder is not None,
            balance_fakes=context.balance_fakes,
            turns=turns,
            every=context.critic_steps if turns is Turns.GENERATOR else 1,
        )
        for turns in ((Turns.CRITIC, Turns.GENERATOR) if apart else (Turns.BOTH,))
    ]
    return tuple(phase for phase in phases if phase.players)


def _build_code_fitting(options: PhaseOptions, context: PhaseContext) -> Sequence[Phase]:
    from priorkit.interfaces import Learning
    from priorkit_plugins.phases.code_fitting import AllCodesFittingPhase, CodeFittingPhase

    system = context.system
    if system.encoder is None and not context.codes_given:
        raise ValueError("there is no encoder (--encoder none), so there are no codes to fit a prior to")
    if system.prior.learning is Learning.ALL_CODES:
        return (AllCodesFittingPhase(system),)
    if system.prior.learning in (Learning.CODES, Learning.LIKELIHOOD):
        return (CodeFittingPhase(system),)
    return ()


@hookimpl
def priorkit_phases() -> list[Component[Phase | Sequence[Phase]]]:
    """Supplies `autoencoder`, `code-matching`, `prior-improvement` and `code-fitting`."""
    return [
        Component(
            "autoencoder",
            PhaseOptions,
            _build_autoencoder,
            summary="reconstruct images and match their codes with the prior; not for GANs",
            source=f"{_PAPER}, first phase; Kingma and Welling 2013, arXiv:1312.6114",
        ),
        Component(
            "code-matching",
            PhaseOptions,
            _build_code_matching,
            summary="train a prior on the codes of each batch, together with the autoencoder",
            source="the second stage of Dai and Wipf 2019, arXiv:1903.05789, with the first",
        ),
        PhaseComponent(
            "prior-improvement",
            PhaseOptions,
            _build_prior_improvement,
            summary="train an image discriminator, and code generator and decoder against it; by itself a GAN",
            source=f"{_PAPER}, second phase; Goodfellow et al. 2014, arXiv:1406.2661",
            improves_prior=True,
        ),
        Component(
            "code-fitting",
            PhaseOptions,
            _build_code_fitting,
            summary="fit a prior to the codes of a trained autoencoder, in a separate stage",
            source="Ghosh et al. 2020, arXiv:1903.12436, Section 4",
        ),
    ]
