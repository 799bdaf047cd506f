"""priorkit's `Session.step()` against the same step written by hand (`bare_loops`): the cost of the engine.

Both run in one process, with the same networks, first weights, batch size, precision and allocator. Before they are
timed, both take a few steps on the same images with the same noise. Their losses must agree, and so must the numbers of
floating-point operations of a step, which would reveal a superfluous pass.
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

__all__ = ["BENCHMARKS", "KINDS", "check_same_work", "compare_with_bare_loop", "precisions", "wait_for"]

KINDS: Mapping[str, type[BareLoop]] = {"aae": BareAAE, "learned": BareLearned}
"""The loop for each recipe that has one."""

_CPU = torch.device("cpu")
_TARGET = 0.97
_TURNS = 30
_STEPS = 5
_CHECKED_STEPS = 3
_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}


def precisions(device: torch.device = _CPU) -> list[str]:
    """Returns float32, and the precision that priorkit chooses by default if that is another."""
    chosen = choose_precision("auto", device).name
    return ["float32"] if chosen == "float32" else ["float32", chosen]


def wait_for(device: torch.device) -> None:
    """Waits until a CUDA device has finished its work; does nothing for other devices."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _noise(session: Session) -> dict[str, Tensor]:
    """Draws the noise that the engine will draw in its next step."""
    device = session.precision.device
    generator = torch.Generator(device)
    noise = {}
    for phase in session.engine.phases:
        generator.manual_seed(seed_for(session.config.seed, phase.name, session.engine.images_seen))
        noise[phase.name] = phase.noise(session.config.batch_size, generator, device)["prior"]
    return noise


def check_same_work(session: Session, bare: BareLoop) -> Mapping[str, str]:
    """Trains both for a few steps on the same batches with the same noise, and compares losses and operations.

    Returns:
        Notes about their agreement.

    Raises:
        RuntimeError: The two differ.
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
        raise RuntimeError(f"the losses differ: {ours} in priorkit, {theirs} in the bare loop")
    if not math.isclose(*flops, rel_tol=1e-6):
        raise RuntimeError(f"the two do different work: {flops[0]} and {flops[1]} operations a step")
    return {
        f"losses of the first {_CHECKED_STEPS} steps differ by at most": f"{gap:.1e} of their size",
        "operations of a step": f"{flops[0] / 1e9:.3f} and {flops[1] / 1e9:.3f} GFLOP",
    }


def compare_with_bare_loop(
    recipe: str, precision: str, turns: int, device: torch.device = _CPU, target: float | None = None
) -> Comparison:
    """Times a recipe and its bare loop in turns, after a check that both do the same work.

    Args:
        recipe: One of `KINDS`.
        precision: `float32` or `bfloat16`.
        turns: Measured turns of each.
        device: The device of both.
        target: The lowest acceptable ratio, or None.

    Raises:
        RuntimeError: The two do different work.
    """
    config = make_config(recipe, {"precision": precision, "device": str(device)})
    session = make_session(config)
    images = session.data.train.images
    assert isinstance(images, Tensor)
    bare = KINDS[recipe](make_system(config, session.data), images.to(device), config, session.precision.dtype)
    notes = check_same_work(session, bare)

    def ours() -> None:
        for _ in range(_STEPS):
            session.step()

    def theirs() -> None:
        for _ in range(_STEPS):
            bare.step()

    wait = partial(wait_for, device)
    seconds = alternate(Here("priorkit", ours, wait), Here("bare", theirs, wait), repeats=turns)
    work = _STEPS * config.batch_size
    return Comparison(
        f"{recipe}, {precision}",
        ("priorkit", "bare loop"),
        seconds,
        work=work,
        unit="images",
        target=target,
        notes=notes,
    )


def _compare(recipe: str, settings: Settings) -> Iterator[Comparison]:
    for precision in precisions():
        yield compare_with_bare_loop(recipe, precision, settings.turns(_TURNS), target=_TARGET)


BENCHMARKS = [
    Benchmark(
        "bare-loop-aae",
        "the AAE phase against a hand-written loop of the same maths",
        partial(_compare, "aae"),
    ),
    Benchmark(
        "bare-loop-learned",
        "both phases against a hand-written loop of the same maths",
        partial(_compare, "learned"),
    ),
]
