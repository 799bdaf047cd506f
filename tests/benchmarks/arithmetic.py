"""How much of the processor's arithmetic a training step gets out of it.

Floating-point operations of `Session.step()` (forward and backward passes; torch's counter knows convolutions and
matrix products, which are nearly all of them) times steps per second, against two operations as large and regular as
the processor could wish: a product of 2048x2048 matrices, and a 3x3 convolution of 64 channels-last images of 64
channels. All three are timed in turn. The libraries behind the two differ, and so may the precisions' gains.
"""

import statistics
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from against_bare_loop import precisions
from benchmark import Benchmark, Settings
from paired import Here
from priorkit.training import Session
from sessions import make_config, make_session
from table import Table

__all__ = ["BENCHMARKS"]

_RECIPES = ("aae", "vae", "learned")
_TURNS = 7
_STEPS = 5


def _operations(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def _train(session: Session) -> None:
    for _ in range(_STEPS):
        session.step()


def _matrix_product(dtype: torch.dtype) -> partial[object]:
    left, right = (torch.randn(2048, 2048, dtype=dtype) for _ in range(2))
    return partial(torch.mm, left, right)


def _convolution(dtype: torch.dtype) -> partial[object]:
    layout = torch.channels_last
    images = torch.randn(64, 64, 32, 32, dtype=dtype).contiguous(memory_format=layout)
    weight = torch.randn(64, 64, 3, 3, dtype=dtype).contiguous(memory_format=layout)
    return partial(conv2d, images, weight, padding=1)


def _run(settings: Settings) -> Iterator[Table]:
    rows: list[list[str | float]] = []
    for recipe in _RECIPES:
        for precision in precisions():
            session = make_session(make_config(recipe, {"precision": precision}))
            dtype = session.precision.dtype
            works: list[Callable[[], object]] = [partial(_train, session), _matrix_product(dtype), _convolution(dtype)]
            operations = [_operations(work) for work in works]
            contenders = [Here("", work) for work in works]
            turns = [[contender.seconds() for contender in contenders] for _ in range(settings.turns(_TURNS))]
            seconds = [statistics.median(column) for column in zip(*turns, strict=True)]
            step, product, convolution = (n / s / 1e9 for n, s in zip(operations, seconds, strict=True))
            images = _STEPS * session.config.batch_size
            shares = (100 * step / product, 100 * step / convolution)
            per_image = operations[0] / images / 1e6
            rows.append([recipe, precision, per_image, images / seconds[0], step, product, convolution, *shares])
    columns = ("MFLOP/image", "images/s", "GFLOP/s", "of matmul", "of conv", "% of matmul", "% of conv")
    yield Table("arithmetic of a training step", ("recipe", "precision", *columns), rows)


BENCHMARKS = [Benchmark("arithmetic", "operations per second of a step against a large matmul and conv2d", _run)]
