"""Measures training speed and the share of the device's arithmetic in use, with the code of the benchmarks."""

import importlib
import sys
import time
from pathlib import Path
from types import ModuleType

import torch

from check import Asked, Check

__all__ = ["CHECKS"]

_RECIPES = ("aae", "learned")
_TURNS = 10
_MATRIX = 8192
"""Rows of matrices whose product keeps a card busy for some milliseconds."""
_WARM_UP = 10
_STEPS = 50


def _benchmark(name: str) -> ModuleType:
    """Imports a module of tests/benchmarks, a folder that is not a package."""
    folder = str(Path(__file__).parents[1] / "benchmarks")
    if folder not in sys.path:
        # After this folder in the path, so this folder's modules take precedence.
        sys.path.append(folder)
    return importlib.import_module(name)


def _bare_loop(recipe: str, asked: Asked) -> str:
    against = _benchmark("against_bare_loop")
    told = []
    for precision in against.precisions(asked.device):
        compared = against.compare_with_bare_loop(recipe, precision, _TURNS, asked.device)
        rates = [compared.work / median for median in compared.medians]
        told.append(f"{precision}: {rates[0]:.0f} images/s, bare loop {rates[1]:.0f}, ratio {compared.ratio:.2f}")
    return "; ".join(told)


def _arithmetic(recipe: str, asked: Asked) -> str:
    precisions, measure = _benchmark("against_bare_loop").precisions, _benchmark("arithmetic").measure_rates
    told = []
    for precision in precisions(asked.device):
        more = {"matrix": _MATRIX} if asked.on_cuda else {}
        found = measure(recipe, precision, _TURNS, asked.device, **more)
        shares = [
            f"{100 * found.step / rate:.1f} % of {rate / 1e12:.3g} (large {name})"
            for name, rate in (("matrix product", found.product), ("convolution", found.convolution))
        ]
        told.append(f"{precision}: {found.step / 1e12:.3g} TFLOP/s, " + ", ".join(shares))
    return "; ".join(told)


def _graphs(recipe: str, asked: Asked) -> str:
    sessions, against = _benchmark("sessions"), _benchmark("against_bare_loop")
    told = []
    for recorded in (True, False):
        session = sessions.make_session(
            sessions.make_config(recipe, {"device": str(asked.device), "cuda_graphs": recorded})
        )
        for _ in range(_WARM_UP):
            session.step()
        against.wait_for(asked.device)
        began = time.perf_counter()
        for _ in range(_STEPS):
            session.step()
        against.wait_for(asked.device)
        rate = _STEPS * session.config.batch_size / (time.perf_counter() - began)
        told.append(f"{rate:.0f} images/s {'with' if recorded else 'without'}")
    peak = torch.cuda.max_memory_allocated(asked.device) / 2**20
    return f"{session.precision.name}: {', '.join(told)}; at most {peak:.0f} MiB of memory so far"


CHECKS = [
    Check("speed", "images/s of `Session.step()` and of a bare loop", _bare_loop, _RECIPES, is_benchmark=True),
    Check(
        "arithmetic",
        "operations/s of a step, and of a large product and convolution",
        _arithmetic,
        _RECIPES,
        is_benchmark=True,
    ),
    Check(
        "graphs-speed", "images/s with --cuda-graphs and without", _graphs, _RECIPES, needs_cuda=True, is_benchmark=True
    ),
]
