"""Skips the updates of moves whose losses or gradients are not finite."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

__all__ = ["SkippedMoves"]

_IN_A_ROW = 20
"""Number of consecutive skipped moves that counts as divergence: rare bad batches do not cause so many."""


class SkippedMoves:
    """Decides which moves are skipped, and undoes what their forward passes changed: batch norm's statistics.

    Args:
        networks: The networks that are trained.

    Attributes:
        count: Number of moves skipped.
    """

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self.count = 0
        self._in_a_row = 0
        self._has_skipped = False
        self._buffers = [
            buffer for network in networks.values() for buffer in network.buffers() if buffer.is_floating_point()
        ]
        self._before: list[Tensor] = []

    def begin_step(self) -> None:
        """Remembers the networks' buffers."""
        self._has_skipped = False
        self._before = [buffer.clone() for buffer in self._buffers]

    def skips(self, finite: Tensor) -> bool:
        """Whether a move is to be skipped. Waits for the device.

        Args:
            finite: For each of the move's losses and gradients, whether it is finite, bool.

        Returns:
            False if all are finite, or if so many moves in a row were not that training has diverged.
        """
        if bool(finite.all()):
            self._in_a_row = 0
            return False
        if self._in_a_row >= _IN_A_ROW:
            return False
        self.count += 1
        self._in_a_row += 1
        self._has_skipped = True
        return True

    def end_step(self) -> None:
        """Restores buffers that skipped moves corrupted. Not earlier: gradients of other moves may depend on them."""
        if self._has_skipped:
            for buffer, before in zip(self._buffers, self._before, strict=True):
                buffer.copy_(torch.where(buffer.isfinite(), buffer, before))
