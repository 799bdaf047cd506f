"""Runs all checks that need a GPU, and prints a table: `python tests/gpu [NAME ...] [--no-benchmarks] [--list]`."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

import devices
import faults
import options
import recipes
import several
import speed
import streamed
from card import describe
from check import Asked, Check, Skip, where
from priorkit.engine import choose_device
from priorkit.errors import DeviceError
from tiny import RECIPES

__all__ = ["main", "pairs", "tried"]

_MODULES = (recipes, devices, options, streamed, several, faults, speed)
CHECKS = {check.name: check for module in _MODULES for check in module.CHECKS}


def tried(check: Check, recipe: str, asked: Asked) -> tuple[str, str]:
    """Runs a check once. Returns its result (`ok`, `FAILED`, `measured` or `skipped`) and a detail."""
    if check.needs_cuda and not asked.on_cuda:
        return "skipped", "needs CUDA"
    try:
        detail = check.run(recipe, asked)
    except Skip as reason:
        return "skipped", str(reason)
    except Exception as error:
        # After any error, the checks that follow still run.
        place = where(error)
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return "FAILED", f"{text} ({place})" if place else text
    return "measured" if check.is_benchmark else "ok", detail


def pairs(names: Sequence[str], *, benchmarks: bool) -> Iterator[tuple[Check, str]]:
    """Yields the selected checks with their recipes; checks of one recipe follow each other if possible."""
    checks = [check for check in CHECKS.values() if check.name in names or not set(names) & set(CHECKS)]
    if not benchmarks:
        checks = [check for check in checks if not check.is_benchmark]
    wanted = [name for name in names if name in RECIPES]
    shared = [check for check in checks if check.recipes == RECIPES]
    for recipe in wanted or RECIPES:
        yield from ((check, recipe) for check in shared)
    for check in checks:
        if check not in shared:
            yield from ((check, recipe) for recipe in check.recipes if not wanted or recipe in wanted)


def _lost(device: torch.device) -> str | None:
    """Returns why this process cannot use the device any more, or None if it can."""
    if device.type != "cuda":
        return None
    try:
        torch.cuda.synchronize(device)
    except RuntimeError as error:
        return " ".join(str(error).split())
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python tests/gpu", description="Checks everything that needs a GPU.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="names of checks and of recipes; all by default")
    parser.add_argument(
        "--device", default="cuda", help="cuda, cuda:N, or cpu for the checks that need no GPU (default: cuda)"
    )
    parser.add_argument("--no-benchmarks", action="store_true", help="leave out measurements of speed")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the runs")
    parser.add_argument("--list", action="store_true", help="list the checks and stop")
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    asked_for = parser.parse_args(arguments)
    unknown = [name for name in asked_for.names if name not in CHECKS and name not in RECIPES]
    if unknown:
        parser.error(f"no check or recipe {unknown[0]!r}; there are {', '.join(CHECKS)}; and {', '.join(RECIPES)}")
    if asked_for.list:
        width = max(map(len, CHECKS))
        for name, check in CHECKS.items():
            made = "every recipe" if check.recipes == RECIPES else ", ".join(filter(None, check.recipes))
            print(f"{name:<{width}}  {check.summary}" + (f" ({made})" if made else ""))
        return 0
    if asked_for.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"torch {torch.__version__} finds no CUDA device, so nothing was checked; --device cpu tries what it can")
        return 0
    try:
        device = choose_device(asked_for.device)
    except DeviceError as error:
        parser.error(str(error))
    wanted = list(pairs(asked_for.names, benchmarks=not asked_for.no_benchmarks))
    if not wanted:
        parser.error("none of these checks is made with these recipes; --list shows the recipes of each check")
    print(f"{describe(device)}\n\n| what | result | detail | seconds |\n|---|---|---|---|", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        # Feature extractors are cached here, and removed at the end.
        os.environ["PRIORKIT_CACHE"] = str(Path(folder) / "cache")
        for number, (check, recipe) in enumerate(wanted):
            place, began = Path(folder) / str(number), time.monotonic()
            place.mkdir()
            result, detail = tried(check, recipe, Asked(device, asked_for.seed, place))
            what = f"{check.name}: {recipe}" if recipe else check.name
            cell = detail.replace("|", "/")
            print(f"| {what} | {result} | {cell} | {time.monotonic() - began:.1f} |", flush=True)
            if result != "FAILED":
                continue
            failed += 1
            print(f"{what}: {detail}", file=sys.stderr, flush=True)
            if lost := _lost(device):
                print(
                    f"{what}: {device} cannot be used any more in this process ({lost}): the rest was not checked",
                    file=sys.stderr,
                )
                break
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
