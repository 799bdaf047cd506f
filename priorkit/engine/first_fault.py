"""Finds the first loss or gradient of a training that is infinite or not a number."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from priorkit.errors import NonFiniteLossError

__all__ = ["FirstFault", "diverged"]

_NONE = torch.iinfo(torch.int64).max
_PLACES = 4096
"""Upper bound on the number of losses and gradients of a step."""


def diverged(what: str) -> NonFiniteLossError:
    """The error of a diverged training; callers add advice on how to resume.

    Args:
        what: The sentence up to the colon: what became infinite or not a number, and when.
    """
    return NonFiniteLossError(f"{what}: training diverged")


class FirstFault:
    """Checks the losses and gradients of every move, and remembers the first that is not finite.

    The result stays on the device, so `look` does not wait for the device; `check` does. Gradients are checked by their
    norms, which overflow where Adam's squared gradients do.

    Args:
        device: Where training computes.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._step = torch.zeros((), dtype=torch.int64, device=device)
        self._first = torch.full((), _NONE, dtype=torch.int64, device=device)
        self._none = torch.full((), _NONE, dtype=torch.int64, device=device)
        self._names: list[str] = []
        self._numbers: dict[tuple[str, ...], Tensor] = {}

    def begin_step(self, step: int) -> None:
        """Sets the step of the following calls of `look`, counted from 1. Not to be recorded in a graph."""
        self._step.fill_(step)

    def look(
        self, phase: str, player: str, terms: Mapping[str, Tensor], gradients: Mapping[str, Sequence[Tensor | None]]
    ) -> Tensor:
        """Checks one move.

        Args:
            phase: The phase's name.
            player: The move's player.
            terms: The move's losses, scalars.
            gradients: The gradients of each of the player's networks, by the network's name.

        Returns:
            For every loss and then for every network with gradients, whether it is finite: bool, on the device.
        """
        present = {name: [value for value in values if value is not None] for name, values in gradients.items()}
        norms = {name: torch.stack(torch._foreach_norm(values)).sum() for name, values in present.items() if values}
        move = f"the move of the {player} in the phase {phase}"
        names = (
            *(f"the loss {phase}/{name}" for name in terms),
            *(f"the gradient of the {n} in {move}" for n in norms),
        )
        if names not in self._numbers:
            first = len(self._names)
            self._names.extend(names)
            assert len(self._names) <= _PLACES, "more losses and gradients than numbers for them"
            self._numbers[names] = torch.arange(first, first + len(names), device=self._device)
        finite = torch.stack([*(value.float() for value in terms.values()), *norms.values()]).isfinite()
        found = torch.where(finite, self._none, self._step * _PLACES + self._numbers[names]).min()
        # In place: a recorded phase keeps writing here.
        torch.minimum(self._first, found, out=self._first)
        return finite

    def check(self) -> None:
        """Raises an error if something was found. Waits for the device.

        Raises:
            NonFiniteLossError: A loss or gradient was not finite; the message names the first, and its step.
        """
        if self._device.type == "meta":
            return  # which has no values
        found = int(self._first)
        if found != _NONE:
            step, number = divmod(found, _PLACES)
            raise diverged(f"{self._names[number]} became infinite or not a number at step {step}")

    def forget(self) -> None:
        """Forgets what was found: training resumes from an earlier state."""
        self._first.fill_(_NONE)

    def held(self) -> dict[str, Tensor]:
        """The tensors that outlive a step, by names for messages."""
        return {"the first fault": self._first, "the number of the step": self._step, "no fault": self._none}
