"""The first loss or gradient that is not finite must be found on the device, without waiting for it."""

from typing import Any

import torch
from torch import Tensor, nn

from check import Asked, Check, Failure
from priorkit.engine.cuda_graphs import WARM_UP
from priorkit.errors import NonFiniteLossError
from priorkit.training import Session
from recipes import never_waiting
from tiny import make_session

__all__ = ["CHECKS"]

_RECIPES = ("aae", "learned")
_AT = 3
_AFTER = 2
"""Steps after the fault, in which all other values become NaN, too."""


class _Poison:
    """Adds a number to the decoder's output or to one of its gradients: 0, and NaN after `turn`."""

    def __init__(self, session: Session) -> None:
        self._value = torch.zeros((), device=session.precision.device)
        self.decoder = session.system.decoder

    def into_output(self) -> None:
        def add(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            return output + self._value

        self.decoder.register_forward_hook(add)

    def into_gradient(self) -> None:
        *_, weight = self.decoder.parameters()
        weight.register_hook(lambda gradient: gradient + self._value)

    def turn(self) -> None:
        self._value.fill_(float("nan"))


def _found(asked: Asked, session: Session, poison: _Poison, at: int, expected: str) -> str:
    for step in range(1, at + _AFTER + 1):
        if step == 1 or (session.engine.recorder is not None and step <= WARM_UP + 1):
            session.step()  # may wait: reads data, creates optimiser states, records phases
            continue
        with never_waiting(asked):
            if step == at:
                poison.turn()
            session.step()
    try:
        session.engine.check_finite()
    except NonFiniteLossError as error:
        wanted = f"{expected} became infinite or not a number at step {at}"
        if wanted not in str(error):
            raise Failure(f"expected the message {wanted!r}, and found {str(error)!r}") from None
        return str(error)
    raise Failure(f"{expected} is NaN at step {at}, and the engine did not report it")


def _loss(recipe: str, asked: Asked, **changes: Any) -> str:
    session = make_session(recipe, asked, **changes)
    poison = _Poison(session)
    poison.into_output()
    at = _AT if session.engine.recorder is None else WARM_UP + 3
    return _found(asked, session, poison, at, "the loss autoencoder/reconstruction")


def _gradient(recipe: str, asked: Asked) -> str:
    session = make_session(recipe, asked)
    poison = _Poison(session)
    poison.into_gradient()
    expected = "the gradient of the decoder in the move of the autoencoder in the phase autoencoder"
    return _found(asked, session, poison, _AT, expected)


def _recorded(recipe: str, asked: Asked) -> str:
    return _loss(recipe, asked, cuda_graphs=True)


CHECKS = [
    Check("fault-loss", "a planted NaN in a loss is reported with the loss and the step", _loss, _RECIPES),
    Check(
        "fault-gradient", "a planted NaN in a gradient is reported with the network and the step", _gradient, _RECIPES
    ),
    Check("fault-graphs", "the same for a loss in replayed phases", _recorded, _RECIPES, needs_cuda=True),
]
