"""Watches what each move of a phase changes."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import Move, Noise, Phase
from priorkit.training import Session

State = dict[str, dict[str, Tensor]]


class Turn(NamedTuple):
    """What one move did: whose statistics its passes moved, and whose weights its update moved."""

    player: str
    terms: set[str]
    statistics: set[str]
    trained: set[str]


class Watched(Phase):
    """A phase that notes what changes while its moves run."""

    def __init__(self, inner: Phase, session: Session) -> None:
        self.inner = inner
        self.name = inner.name
        self.players = inner.players
        self.networks = session.system.modules()
        self.turns: list[Turn] = []

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return self.inner.noise(n, generator, device)

    def _weights(self) -> State:
        return {
            name: {key: value.detach().clone() for key, value in network.named_parameters()}
            for name, network in self.networks.items()
        }

    def _statistics(self) -> State:
        return {
            name: {key: value.clone() for key, value in network.named_buffers()}
            for name, network in self.networks.items()
        }

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        weights, statistics = self._weights(), self._statistics()
        for move in self.inner.moves(images, noise):
            assert not changed(weights, self._weights()), "a pass moved weights"
            moved = changed(statistics, self._statistics())
            yield move
            assert changed(statistics, self._statistics()) == moved, "an update moved statistics"
            self.turns.append(Turn(move.player, set(move.terms), moved, changed(weights, self._weights())))
            weights, statistics = self._weights(), self._statistics()
        assert not changed(weights, self._weights())
        assert not changed(statistics, self._statistics()), "a pass after the last move"


def changed(before: State, after: State) -> set[str]:
    return {
        name for name in before if any(not torch.equal(before[name][key], after[name][key]) for key in before[name])
    }


@pytest.fixture(scope="session")
def turns_of() -> Callable[[Session, str], list[Turn]]:
    """Runs one phase of a session once, and tells what each of its moves did."""

    def watch(session: Session, phase: str) -> list[Turn]:
        (inner,) = [item for item in session.engine.phases if item.name == phase]
        watched = Watched(inner, session)
        session.engine.phases = [watched]
        session.step()
        return watched.turns

    return watch
