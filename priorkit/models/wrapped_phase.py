"""A phase that wraps another phase."""

from priorkit.interfaces import Phase

__all__ = ["WrappedPhase"]


class WrappedPhase(Phase):
    """Looks to the engine like the inner phase; subclasses add code around its noise and its moves.

    Args:
        inner: The other phase.
    """

    def __init__(self, inner: Phase) -> None:
        self.inner = inner
        self.name, self.players, self.every, self.place = inner.name, inner.players, inner.every, inner.place
        self.networks, self.optimizers, self.batch = inner.networks, inner.optimizers, inner.batch
