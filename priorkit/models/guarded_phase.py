"""The phases of a run, with their components, which errors name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.errors import PluginError, PriorkitError
from priorkit.interfaces import Move, Noise, Phase
from priorkit.models.wrapped_phase import WrappedPhase
from priorkit.registry import BUILTIN, Registered
from priorkit.registry.guard import guarded, refusal_in_words

__all__ = ["ChosenPhase", "GuardedPhase"]


@dataclass(frozen=True)
class ChosenPhase:
    """A phase and the component that it comes from.

    Attributes:
        phase: The phase.
        registered: The component: a phase, or a prior, encoder, regularizer or condition that adds the phase.
        given: The flag that chose it: `--phases autoencoder`, `--prior energy`.
    """

    phase: Phase
    registered: Registered
    given: str

    @property
    def brought(self) -> bool:
        """Whether a component of another kind adds this phase."""
        return self.registered.slot != "phases"

    @property
    def own(self) -> bool:
        """Whether it is one of priorkit's."""
        return self.registered.distribution == BUILTIN


class GuardedPhase(WrappedPhase):
    """A phase whose errors name its plug-in.

    Args:
        chosen: The phase and its component.
    """

    def __init__(self, chosen: ChosenPhase) -> None:
        super().__init__(chosen.phase)
        self._registered = chosen.registered
        self._given = f"{chosen.given}, in its phase {chosen.phase.name!r}"

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """The phase's own noise.

        Raises:
            PluginError: The phase of a third party fails.
        """
        with self._failures_named():
            noise = self.inner.noise(n, generator, device)
        if not isinstance(noise, Mapping):
            raise self._mistake(f"gave {noise!r} as its noise, not a mapping from names to tensors")
        for name, tensor in noise.items():
            if not isinstance(tensor, Tensor) or tensor.ndim == 0 or len(tensor) != n:
                raise self._mistake(f"gave the noise {name!r} a first dimension other than the batch's {n}")
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The phase's own moves.

        Raises:
            PluginError: The phase of a third party fails, or yields a move that cannot be trained.
        """
        with self._failures_named():
            moves = iter(self.inner.moves(images, noise))
        while True:
            with self._failures_named():
                move = next(moves, None)
            if move is None:
                return
            self._check(move)
            yield move

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        """Inside this context, every error names the plug-in and the phase, as a mistake of the plug-in's."""
        try:
            with guarded(self._registered, self._given):
                yield
        except PriorkitError:
            raise
        except ValueError as error:
            if self._registered.distribution == BUILTIN:
                raise
            raise self._mistake(f"failed: {refusal_in_words(self._registered, error)}") from error

    def _check(self, move: Move) -> None:
        if not isinstance(move, Move):
            raise self._mistake(f"yielded a {type(move).__name__}, not a Move")
        if move.player not in self.players:
            raise self._mistake(f"yielded a move of {move.player!r}; its players are {', '.join(self.players)}")
        if not move.terms:
            raise self._mistake(f"yielded a move of {move.player!r} without loss terms")
        for name, term in move.terms.items():
            if not isinstance(term, Tensor) or term.ndim or not term.requires_grad:
                raise self._mistake(
                    f"yielded a loss term {name!r} that is not a scalar tensor depending on the networks of the player "
                    f"{move.player!r}"
                )

    def _mistake(self, what: str) -> PluginError:
        owner = f"{self._registered.distribution} {self._registered.version}"
        return PluginError(f"{self._given}: its plug-in ({owner}) {what}; this is a mistake in the plug-in")
