"""The share of the processor's arithmetic that a training step uses.

The rate of a step is its number of floating-point operations (forward and backward passes; torch's counter knows
convolutions and matrix products, which are nearly all of them) times the steps per second. The rates of two large and
regular operations show what the processor can reach: a product of 2048x2048 matrices, and a 3x3 convolution of 64
channels-last images with 64 channels. All three are timed in turns. Different libraries compute the two operations, so
the gain of bfloat16 may differ between them.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from against_bare_loop import precisions, wait_for
from benchmark import Benchmark, Settings
from paired import Here
from priorkit.training import Session
from sessions import make_config, make_session
from table import Table

__all__ = ["BENCHMARKS", "Rates", "measure_rates"]

_RECIPES = ("aae", "vae", "learned")
_TURNS = 7
_STEPS = 5
_MATRIX = 2048
_CPU = torch.device("cpu")


def _operations(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def _train(session: Session) -> None:
    for _ in range(_STEPS):
        session.step()


def _matrix_product(dtype: torch.dtype, device: torch.device, size: int) -> partial[object]:
    left, right = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
    return partial(torch.mm, left, right)


def _convolution(dtype: torch.dtype, device: torch.device) -> partial[object]:
    layout = torch.channels_last
    images = torch.randn(64, 64, 32, 32, dtype=dtype, device=device).contiguous(memory_format=layout)
    weight = torch.randn(64, 64, 3, 3, dtype=dtype, device=device).contiguous(memory_format=layout)
    return partial(conv2d, images, weight, padding=1)


@dataclass(frozen=True)
class Rates:
    """Rates of a training step, and of large operations on the same device.

    Attributes:
        images: Images per second of training.
        operations: Floating-point operations per image.
        step: Operations per second of a training step.
        product: Operations per second of a large matrix product.
        convolution: Operations per second of a large convolution.
    """

    images: float
    operations: float
    step: float
    product: float
    convolution: float


def measure_rates(
    recipe: str,
    precision: str,
    turns: int,
    device: torch.device = _CPU,
    matrix: int = _MATRIX,
    settings: Mapping[str, Any] | None = None,
) -> Rates:
    """Times steps, a product and a convolution in turns.

    Args:
        recipe: The recipe to train, on the digits.
        precision: `float32` or `bfloat16`.
        turns: Turns of each.
        device: The device of all three.
        matrix: Rows and columns of the matrices; larger ones spend a larger share of the time on arithmetic.
        settings: Settings that override the recipe's.
    """
    session = make_session(make_config(recipe, {"precision": precision, "device": str(device), **(settings or {})}))
    dtype = session.precision.dtype
    works: list[Callable[[], object]] = [
        partial(_train, session),
        _matrix_product(dtype, device, matrix),
        _convolution(dtype, device),
    ]
    operations = [_operations(work) for work in works]
    contenders = [Here("", work, partial(wait_for, device)) for work in works]
    timed = [[contender.seconds() for contender in contenders] for _ in range(turns)]
    seconds = [statistics.median(column) for column in zip(*timed, strict=True)]
    images = _STEPS * session.config.batch_size
    step, product, convolution = (n / s for n, s in zip(operations, seconds, strict=True))
    return Rates(images / seconds[0], operations[0] / images, step, product, convolution)


def _run(settings: Settings) -> Iterator[Table]:
    rows: list[list[str | float]] = []
    for recipe in _RECIPES:
        for precision in precisions():
            found = measure_rates(recipe, precision, settings.turns(_TURNS))
            rates = [rate / 1e9 for rate in (found.step, found.product, found.convolution)]
            shares = [100 * found.step / found.product, 100 * found.step / found.convolution]
            rows.append([recipe, precision, found.operations / 1e6, found.images, *rates, *shares])
    columns = ("MFLOP/image", "images/s", "GFLOP/s", "of matmul", "of conv", "% of matmul", "% of conv")
    yield Table("arithmetic of a training step", ("recipe", "precision", *columns), rows)


BENCHMARKS = [
    Benchmark(
        "arithmetic", "operations per second of a training step, and of a large matrix product and convolution", _run
    )
]
