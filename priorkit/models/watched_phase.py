"""priorkit's own phases, in which third parties' components may fail."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from priorkit.config import RunConfig, choices_of, flag_for
from priorkit.errors import PluginError, PriorkitError, is_out_of_memory
from priorkit.interfaces import Batch, Move, Noise, Phase
from priorkit.models.wrapped_phase import WrappedPhase
from priorkit.registry import BUILTIN, Registered, Registry
from priorkit.registry.blame import error_in_words, place_of
from priorkit.registry.discovery import is_strict

__all__ = ["OutsideComponent", "WatchedPhase", "outside_components"]

_NOT_IN_TRAINING = ("dataset", "extractor", "phases")
_SLOTS_OF_TERMS = {"reconstruction": "loss", "prior": "prior"}
"""The kind of component that computes a loss term, by the term's name."""


class OutsideComponent(NamedTuple):
    """A third party's component of a run.

    Attributes:
        registered: The component.
        given: The flag that chose it: `--loss edges`.
    """

    registered: Registered
    given: str


def outside_components(config: RunConfig, registry: Registry) -> tuple[OutsideComponent, ...]:
    """The third parties' components that a run trains with, except phases, whose errors name themselves."""
    found = (
        (kind, choice, registry.get(kind.slot, choice.name))
        for kind, choice in choices_of(config)
        if kind.slot not in _NOT_IN_TRAINING
    )
    return tuple(
        OutsideComponent(registered, f"{flag_for((kind.slot,))} {choice.name}")
        for kind, choice, registered in found
        if registered.distribution != BUILTIN
    )


class WatchedPhase(WrappedPhase):
    """One of priorkit's own phases, in which errors of third parties' components name their plug-in.

    Args:
        phase: The phase.
        outside: The third parties' components of the run, at least one.
    """

    def __init__(self, phase: Phase, outside: Sequence[OutsideComponent]) -> None:
        super().__init__(phase)
        self._outside = outside

    def __getattr__(self, name: str) -> Any:
        """Other attributes of the phase."""
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """The phase's own noise.

        Raises:
            PluginError: A third party's component fails.
        """
        with self._failures_named():
            return self.inner.noise(n, generator, device)

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The phase's own moves.

        Raises:
            PluginError: A third party's component fails, or returns an invalid loss term.
        """
        moves = iter(self.inner.moves(images, noise))
        while True:
            with self._failures_named():
                move = next(moves, None)
            if move is None:
                return
            for name, term in move.terms.items():
                if not isinstance(term, Tensor) or term.ndim:
                    what = f"a tensor of shape {tuple(term.shape)}" if isinstance(term, Tensor) else repr(term)[:60]
                    raise self._mistake(name, f"gave {what} as the loss term {name!r}, not a scalar tensor")
            if not any(term.requires_grad for term in move.terms.values()):
                names = ", ".join(map(repr, move.terms))
                raise self._mistake(
                    next(iter(move.terms)), f"gave loss terms ({names}) that depend on no network that is trained"
                )
            yield move

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except PriorkitError:
            raise
        except Exception as error:
            if isinstance(error, ValueError) and self.batch is not Batch.IMAGES:
                # A prior may refuse the codes: a mistake that the user can mend.
                raise
            owner = self._owner_of(error)
            if owner is None and "NoneType" in str(error) and isinstance(error, TypeError | AttributeError):
                # priorkit's own components never return None: it came from a third party's, and caused an error later.
                self._refuse_none(error)
            if owner is None or is_out_of_memory(error) or is_strict():
                raise
            place = place_of(error, owner.registered.package)
            raise PluginError(
                f"{self._words(owner)} has failed: {error_in_words(error)}{f' ({place})' if place else ''}; this is a "
                "mistake in the plug-in (PRIORKIT_STRICT_PLUGINS=1 shows the full traceback)"
            ) from error

    def _refuse_none(self, error: Exception) -> None:
        """Names the components that may have returned None, and the term that needed it.

        Raises:
            PluginError: Always, unless plug-ins' errors are passed on unchanged.
        """
        if is_strict():
            return
        used = (traceback.extract_tb(error.__traceback__)[-1].line or "").strip()
        owners = " or ".join(map(self._words, self._outside))
        raise PluginError(
            f"{owners} gave None in the place of a tensor, from which {used!r} was to be computed ({error}); this is a "
            "mistake in the plug-in (PRIORKIT_STRICT_PLUGINS=1 shows the full traceback)"
        ) from error

    def _owner_of(self, error: Exception) -> OutsideComponent | None:
        """The component in whose plug-in an error arose; the innermost if several are involved."""
        modules = [
            str(frame.f_globals.get("__name__", "")).partition(".")[0]
            for frame, _ in traceback.walk_tb(error.__traceback__)
        ]
        for module in reversed(modules):
            for owner in self._outside:
                if module and module == owner.registered.package:
                    return owner
        return None

    def _mistake(self, term: str, what: str) -> PluginError:
        slot = _SLOTS_OF_TERMS.get(term, "regularizer")
        owners = [owner for owner in self._outside if owner.registered.slot == slot] or self._outside
        return PluginError(f"{' or '.join(map(self._words, owners))} {what}; this is a mistake in the plug-in")

    def _words(self, owner: OutsideComponent) -> str:
        distribution = f"{owner.registered.distribution} {owner.registered.version}"
        return f"{owner.given}, in the phase {self.name!r}: its plug-in ({distribution})"
