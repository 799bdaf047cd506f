"""priorkit's `Session.step()` against the same step written by hand (`bare_loops`): what the engine itself costs.

Both run in one process, with the same networks, first weights, batch size, precision and allocator. Before they are
timed, both take a few steps on the same images with the same noise: their losses must agree, and so must the
floating-point operations of a step, which would tell of a pass too many.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bare_loops import BareAAE, BareLearned, BareLoop
from benchmark import Benchmark, Settings
from paired import Comparison, Here, alternate
from priorkit.engine import choose_precision, seed_for
from priorkit.training import Session
from sessions import make_config, make_session, make_system

__all__ = ["BENCHMARKS", "check_same_work", "precisions"]

_TARGET = 0.97
_TURNS = 30
_STEPS = 5
_CHECKED_STEPS = 3
_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}


def precisions() -> list[str]:
    """float32, and bfloat16 where priorkit would choose it."""
    chosen = choose_precision("auto", torch.device("cpu")).name
    return ["float32"] if chosen == "float32" else ["float32", chosen]


def _noise(session: Session) -> dict[str, Tensor]:
    """What the engine is about to draw."""
    generator = torch.Generator()
    noise = {}
    for phase in session.engine.phases:
        generator.manual_seed(seed_for(session.config.seed, phase.name, session.engine.images_seen))
        noise[phase.name] = phase.noise(session.config.batch_size, generator, torch.device("cpu"))["prior"]
    return noise


def check_same_work(session: Session, bare: BareLoop) -> Mapping[str, str]:
    """Trains both on the same batches with the same noise, and notes how far they agree.

    Raises:
        RuntimeError: They do not.
    """
    flops = []
    for _ in range(_CHECKED_STEPS):
        images, noise = session.source.batches.at(session.engine.images_seen), _noise(session)
        with FlopCounterMode(display=False) as counter:
            session.step()
        with FlopCounterMode(display=False) as bare_counter:
            bare.train_and_average(images, noise)
        flops = [counter.get_total_flops(), bare_counter.get_total_flops()]
    ours, theirs = session.engine.losses(reset=True), bare.means()
    assert set(ours) == set(theirs), (ours, theirs)
    gap = max(abs(loss - theirs[key]) / max(abs(loss), abs(theirs[key])) for key, loss in ours.items())
    if not gap <= _TOLERANCE[session.precision.name]:
        raise RuntimeError(f"the two do not compute the same: {ours} in priorkit, {theirs} in the bare loop")
    if not math.isclose(*flops, rel_tol=1e-6):
        raise RuntimeError(f"the two do not do the same work: {flops[0]} and {flops[1]} operations a step")
    return {
        f"losses of the first {_CHECKED_STEPS} steps differ by at most": f"{gap:.1e} of their size",
        "operations of a step": f"{flops[0] / 1e9:.3f} and {flops[1] / 1e9:.3f} GFLOP",
    }


def _compare(recipe: str, kind: type[BareLoop], settings: Settings) -> Iterator[Comparison]:
    for precision in precisions():
        config = make_config(recipe, {"precision": precision})
        session = make_session(config)
        images = session.data.train.images
        bare = kind(make_system(config, session.data), images, config, session.precision.dtype)
        notes = check_same_work(session, bare)

        def ours(session: Session = session) -> None:
            for _ in range(_STEPS):
                session.step()

        def theirs(bare: BareLoop = bare) -> None:
            for _ in range(_STEPS):
                bare.step()

        seconds = alternate(Here("priorkit", ours), Here("bare", theirs), repeats=settings.turns(_TURNS))
        yield Comparison(
            f"{recipe}, {precision}",
            ("priorkit", "bare loop"),
            seconds,
            work=_STEPS * config.batch_size,
            unit="images",
            target=_TARGET,
            notes=notes,
        )


BENCHMARKS = [
    Benchmark(
        "bare-loop-aae",
        "the AAE phase against a hand-written loop of the same maths",
        partial(_compare, "aae", BareAAE),
    ),
    Benchmark(
        "bare-loop-learned",
        "both phases against a hand-written loop of the same maths",
        partial(_compare, "learned", BareLearned),
    ),
]
