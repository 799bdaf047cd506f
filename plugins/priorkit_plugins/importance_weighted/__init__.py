"""The phase that trains an autoencoder by several draws from each posterior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PhaseContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Phase

__all__ = ["ImportanceWeightedOptions", "priorkit_phases"]


class ImportanceWeightedOptions(Options):
    """Options of the phase `importance-weighted`."""

    draws: int = Field(5, ge=1, description="K, draws from a posterior whose weights are averaged inside the logarithm")
    bound: Literal["iwae", "miwae", "piwae", "ciwae"] = Field(
        "iwae",
        description="iwae: K draws; miwae: the mean of several such bounds; piwae: miwae for the encoder, one bound of "
        "all draws for decoder and prior; ciwae: a convex combination of the ELBO and iwae",
    )
    groups: int = Field(5, ge=1, description="M, number of bounds of K draws each, which miwae and piwae average")
    beta: float = Field(0.5, ge=0, le=1, description="share of the ELBO in ciwae")


def _build(options: ImportanceWeightedOptions, context: PhaseContext) -> Sequence[Phase]:
    from priorkit.interfaces import Space
    from priorkit_plugins.importance_weighted.phase import ImportanceWeightedPhase
    from priorkit_plugins.joint_density import JointDensity

    joint = JointDensity(context.system)
    if joint.encoder.support.space is Space.ONE_HOT:
        raise ValueError(
            "needs an encoder whose draws have a probability under the prior, but this encoder's codes are relaxed "
            "in training, where the prior has no probability; use --phases autoencoder"
        )
    phase = ImportanceWeightedPhase(
        joint,
        options.bound,
        draws=options.draws,
        groups=options.groups,
        beta=options.beta,
        reconstruction_weight=context.reconstruction_weight,
    )
    return (phase,)


@hookimpl
def priorkit_phases() -> list[Component[Phase | Sequence[Phase]]]:
    """Supplies the phase `importance-weighted`."""
    return [
        Component(
            "importance-weighted",
            ImportanceWeightedOptions,
            _build,
            summary="encoder, decoder and prior maximise a bound on log p(x) with several draws; replaces autoencoder",
            source="Burda et al. 2016, Importance weighted autoencoders, arXiv:1509.00519; Rainforth et al. 2018, "
            "Tighter variational bounds are not necessarily better, arXiv:1802.04537",
        )
    ]
