"""The phase that trains an autoencoder by Hamiltonian dynamics of its codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, Options, PhaseContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Phase

__all__ = ["HamiltonianOptions", "priorkit_phases"]


class HamiltonianOptions(Options):
    """Options of the phase `hamiltonian`."""

    steps: int = Field(3, ge=1, description="K, the number of leapfrog steps")
    step_size: float = Field(0.05, gt=0, description="initial step size of every dimension; learned")
    largest_step: float = Field(0.5, gt=0, description="bound on the step sizes")
    inverse_temperature: float = Field(
        0.3, gt=0, le=1, description="initial beta_0, the inverse temperature; learned; 1 for no tempering"
    )

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.step_size >= self.largest_step:
            raise ValueError(
                f"step_size is {self.step_size} and largest_step is {self.largest_step}: the initial size must be less"
            )
        return self


def _build(options: HamiltonianOptions, context: PhaseContext) -> Sequence[Phase]:
    from priorkit.interfaces import Space
    from priorkit_plugins.hamiltonian.leapfrog import Leapfrog
    from priorkit_plugins.hamiltonian.phase import HamiltonianPhase
    from priorkit_plugins.joint_density import JointDensity

    joint = JointDensity(context.system)
    if joint.encoder.support.space is not Space.EVERYWHERE:
        raise ValueError(
            f"leapfrog steps leave {joint.encoder.support}, the support of this encoder; use --encoder gaussian"
        )
    leapfrog = Leapfrog(
        joint.encoder.code_dim,
        steps=options.steps,
        step_size=options.step_size,
        largest_step=options.largest_step,
        inverse_temperature=options.inverse_temperature,
    )
    return (HamiltonianPhase(joint, leapfrog, context.reconstruction_weight),)


@hookimpl
def priorkit_phases() -> list[Component[Phase | Sequence[Phase]]]:
    """Supplies the phase `hamiltonian`."""
    return [
        Component(
            "hamiltonian",
            HamiltonianOptions,
            _build,
            summary="codes move from the encoder's draw by leapfrog steps towards p(z|x); in place of autoencoder",
            source="Caterini et al. 2018, Hamiltonian variational auto-encoder, arXiv:1805.11328",
        )
    ]
