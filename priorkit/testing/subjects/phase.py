"""Phases that belong to no other component."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from priorkit.interfaces import CodeSpace, Encoder, ImageShape, Phase, Prior, System
from priorkit.plugins import Options, PhaseContext
from priorkit.testing.case import Case
from priorkit.testing.check import NotApplicable, Unbuildable
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.stand_in_priors import FittedNormal, LearnedNormal, MatchedNormal, OnlySampled
from priorkit.testing.stand_in_system import system_around
from priorkit.testing.stand_ins import SmallEncoder
from priorkit.testing.subject import Subject

__all__ = ["PhaseSubject", "Phases", "phase_subjects"]

_SHAPE = ImageShape(1, 16)


class Phases(tuple[Phase, ...]):
    """What a plug-in builds: one phase or several."""

    __slots__ = ()


class PhaseSubject(Subject[Phases]):
    """The phases that a plug-in builds for a small autoencoder with a prior of some kind.

    Args:
        case: What is checked.
        code_dim: Dimensions of a code.
        prior: Which prior the system has.
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
        """A new system."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.case.seed)
            self.encoder = SmallEncoder(self.code_dim, _SHAPE)
            self.system = system_around(self._prior(self.code_dim), self)
        return PhaseContext(self.system)

    def part(self, made: Any) -> Phases:
        """All phases, however many there are."""
        phases = (made,) if isinstance(made, Phase) else made
        if not isinstance(phases, Sequence) or not all(isinstance(phase, Phase) for phase in phases):
            raise Unbuildable(
                f"it builds {made!r}, not a Phase or several",
                "`build` returns the wrong object, or the class does not derive from the interface",
                "derive from priorkit.interfaces.Phase",
            )
        return Phases(phases)

    def built(self, seed: int = 0, options: Options | None = None) -> Phases:
        """New phases, and the system that they train as `system`.

        Raises:
            NotApplicable: The system needs none.
        """
        phases = super().built(seed, options)
        if not phases:
            raise NotApplicable(f"with {self.situation} it builds no phases")
        return phases

    def passes(self, component: Phases) -> Sequence[ForwardPass]:
        """None: phases are not called by themselves."""
        return ()

    def inputs(self, component: Phases, n: int, seed: int) -> Inputs:
        """Nothing."""
        return {}


def phase_subjects(case: Case) -> Iterator[PhaseSubject]:
    """Phases in systems with codes of several sizes and priors that learn in several ways."""
    for code_dim in case.situations.code_dims:
        for prior in (OnlySampled, LearnedNormal, MatchedNormal, FittedNormal):
            yield PhaseSubject(case, code_dim, prior)
