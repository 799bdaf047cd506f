"""The cost of checking every loss and gradient: steps with the check, against the same steps without it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from against_bare_loop import wait_for
from benchmark import Benchmark, Settings
from paired import Comparison, Here, alternate
from priorkit.engine.first_fault import FirstFault
from priorkit.training import Session
from sessions import make_config, make_session

__all__ = ["BENCHMARKS", "Unwatched"]

_STEPS = 5
_TURNS = 15
_TARGET = 0.97


class Unwatched(FirstFault):
    """Considers every number finite, without a check."""

    def look(
        self, phase: str, player: str, terms: Mapping[str, Tensor], gradients: Mapping[str, Sequence[Tensor | None]]
    ) -> Tensor:
        """Returns a constant."""
        return torch.ones((), dtype=torch.bool)


def _steps(session: Session) -> None:
    for _ in range(_STEPS):
        session.step()


def _compare(settings: Settings) -> Iterator[Comparison]:
    for recipe in ("aae", "learned"):
        config = make_config(recipe, {"precision": "float32"})
        watched, unwatched = (make_session(config) for _ in range(2))
        device = watched.precision.device
        unwatched.engine._fault = Unwatched(device)
        wait = partial(wait_for, device)
        yield Comparison(
            f"steps of {recipe}",
            ("losses and gradients checked", "not checked"),
            alternate(
                Here("checked", partial(_steps, watched), wait),
                Here("not checked", partial(_steps, unwatched), wait),
                repeats=settings.turns(_TURNS),
            ),
            work=_STEPS * config.batch_size,
            unit="images",
            target=_TARGET,
        )


BENCHMARKS = [Benchmark("divergence", "steps that check losses and gradients against steps that do not", _compare)]
