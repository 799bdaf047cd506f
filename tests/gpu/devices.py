"""The device must compute what the CPU does: first losses from the same weights and the same noise."""

import dataclasses

import torch

from check import Asked, Check, Failure
from closeness import require_close_losses, trained
from draws import DrawnOnTheCpu
from tiny import EXACT, RECIPES, exact_float32, make_session

__all__ = ["CHECKS"]

_TOLERANCE = {"relative": 1e-2, "absolute": 1e-3}
_STEPS = 2


def _agreement(recipe: str, asked: Asked) -> str:
    on_cpu = dataclasses.replace(asked, device=torch.device("cpu"))
    with exact_float32(), DrawnOnTheCpu():
        sessions = [make_session(recipe, where, **EXACT) for where in (asked, on_cpu)]
        for name, weight in sessions[0].weights().items():
            # Statistics in use are computed on each device; the first weights are drawn on the CPU.
            if not name.startswith("use/") and not torch.equal(weight.cpu(), sessions[1].weights()[name]):
                raise Failure(f"{name} begins with other values than on the CPU")
        losses = [trained(session, _STEPS) for session in sessions]
    return f"{_STEPS} steps in float32: " + require_close_losses(*losses, **_TOLERANCE)


CHECKS = [
    Check(
        "agreement",
        "first losses are those of the CPU, from the same weights and noise",
        _agreement,
        RECIPES,
        needs_cuda=True,
    )
]
