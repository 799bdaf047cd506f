"""The device must compute the same first losses as the CPU, from the same weights and the same noise."""

import dataclasses

import torch

from check import Asked, Check, Failure
from closeness import Tolerance, require_close_losses, trained, weights_of
from draws import DrawnOnTheCpu
from priorkit.interfaces import Batch
from tiny import EXACT, RECIPES, exact_float32, make_session

__all__ = ["CHECKS"]

_TOLERANCE = Tolerance(1e-2, 1e-3)
_STEPS = 2
"""Steps compared in the last stage that takes images."""


def _agreement(recipe: str, asked: Asked) -> str:
    on_cpu = dataclasses.replace(asked, device=torch.device("cpu"))
    with exact_float32(), DrawnOnTheCpu():
        sessions = [make_session(recipe, where, **EXACT) for where in (asked, on_cpu)]
        weights, expected = (weights_of(session) for session in sessions)
        for name, weight in weights.items():
            # The first weights are drawn on the CPU; statistics (`use/`) are computed on each device, and may differ.
            if not name.startswith("use/") and not torch.equal(weight, expected[name]):
                raise Failure(f"the first values of {name} differ from those on the CPU")
        # Stages on kept codes are left out: rounding or clustering of codes turns a small difference into a large one.
        begun = max(stage.begins for stage in sessions[0].system.stages if stage.batch is Batch.IMAGES)
        steps = begun + _STEPS
        first, second = (trained(session, steps) for session in sessions)
    return f"{steps} steps in float32: " + require_close_losses(first, second, _TOLERANCE)


CHECKS = [
    Check(
        "agreement",
        "first losses equal those on the CPU, from the same weights and noise",
        _agreement,
        RECIPES,
        needs_cuda=True,
    )
]
