"""Phase components to check."""

from collections.abc import Iterator, Sequence
from typing import Any

from priorkit.interfaces import CodeSpace, Encoder, ImageShape, Phase, Prior, System
from priorkit.plugins import Options, PhaseContext
from priorkit.testing.case import Case
from priorkit.testing.check import NotApplicable, Unbuildable
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded
from priorkit.testing.stand_in_priors import FittedNormal, LearnedNormal, MatchedNormal, OnlySampled
from priorkit.testing.stand_in_system import system_around
from priorkit.testing.stand_ins import SmallEncoder
from priorkit.testing.subject import Subject

__all__ = ["PhaseSubject", "Phases", "phase_subjects"]

_SHAPE = ImageShape(1, 16)


class Phases(tuple[Phase, ...]):
    """The phases that a plug-in builds, one or several."""

    __slots__ = ()


class PhaseSubject(Subject[Phases]):
    """The phases that a plug-in builds for a small autoencoder with a given prior.

    Args:
        case: The component with its options.
        code_dim: Dimensions of a code.
        prior: The class of the system's prior.
    """

    interface = Phases

    def __init__(self, case: Case, code_dim: int, prior: type[Prior]) -> None:
        variant = f" and a prior that learns by {prior.learning.value}"
        super().__init__(case, f"code_dim {code_dim}{variant}", variant)
        self.code_dim = code_dim
        self.space = CodeSpace((code_dim,))
        self._prior = prior
        self.encoder: Encoder
        self.system: System

    def context(self) -> PhaseContext:
        """Returns a new system."""
        with seeded(self.case.seed):
            self.encoder = SmallEncoder(self.code_dim, _SHAPE)
            self.system = system_around(self._prior(self.code_dim), self)
        return PhaseContext(self.system)

    def part(self, made: Any) -> Phases:
        """Returns all phases, one or several."""
        phases = (made,) if isinstance(made, Phase) else made
        if not isinstance(phases, Sequence) or not all(isinstance(phase, Phase) for phase in phases):
            raise Unbuildable(
                f"it builds {made!r}, not a Phase or a sequence of phases",
                "`build` returns the wrong object, or the class does not derive from the interface",
                "derive from priorkit.interfaces.Phase",
            )
        return Phases(phases)

    def built(self, seed: int = 0, options: Options | None = None) -> Phases:
        """Returns new phases, and sets `system` to the system that they train.

        Raises:
            NotApplicable: The plug-in builds no phases for this system.
        """
        phases = super().built(seed, options)
        if not phases:
            raise NotApplicable(f"it builds no phases with {self.situation}")
        return phases

    def passes(self, component: Phases) -> Sequence[ForwardPass]:
        """Returns no passes: phases are not functions of tensors."""
        return ()

    def inputs(self, component: Phases, n: int, seed: int) -> Inputs:
        """Returns no inputs."""
        return {}


def phase_subjects(case: Case) -> Iterator[PhaseSubject]:
    """Yields phases in systems with codes of several sizes, and with priors that learn in different ways."""
    for code_dim in case.situations.code_dims:
        for prior in (OnlySampled, LearnedNormal, MatchedNormal, FittedNormal):
            yield PhaseSubject(case, code_dim, prior)
