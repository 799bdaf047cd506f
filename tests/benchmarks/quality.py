"""The command `quality`: quality of samples against training time, of priorkit's recipes and pythae's systems.

`python tests/benchmarks quality --dataset mnist --data-dir DIR --out FOLDER`. The systems train one after the other,
each in a process of its own. After 10, 20, 40, ... seconds of training, samples are drawn with the clock stopped, and
the judge scores them in the parent process.
"""

import argparse
import json
import multiprocessing
import sys
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmark import Unsupported
from judge import Judge, find_judge
from judging import add_data_arguments
from machine import describe_machine
from priorkit import installed_plugins
from priorkit.errors import PriorkitError
from quality_picture import draw_curves
from quality_points import Point, Task, ladder, passing_time
from quality_priorkit import train_recipe
from quality_pythae import PYTHAE, train_pythae
from table import Table

__all__ = ["main"]

_RECIPES = ("learned", "aae", "vae", "vampprior", "wae-mmd", "flow-vae", "dcgan", "wgan-gp")


def _serve(connection: Connection, system: str, task: Task, threads: int) -> None:
    """Trains a system in this process. Sends its points, and at the end None or an error message."""
    torch.set_num_threads(threads)

    def report(point: Point) -> None:
        # Sent as an array, because tensors need shared memory, of which containers often have little.
        connection.send((point.seconds, point.images, point.samples.numpy()))
        connection.recv()

    try:
        (train_pythae if system in PYTHAE else train_recipe)(system, task, report)
    except Unsupported as reason:
        connection.send(str(reason))
    except Exception as error:  # after any error, the other systems are trained
        traceback.print_exc()
        connection.send(f"{type(error).__name__}: {error}")
    else:
        connection.send(None)


def _measure(system: str, task: Task, judge: Judge, threads: int) -> dict[str, Any]:
    """Trains a system and scores its points. Returns the points, and the failure that ended it early, or None."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, system, task, threads), daemon=True)
    process.start()
    theirs.close()
    found: dict[str, Any] = {"points": [], "failure": None}
    try:
        while not isinstance(told := mine.recv(), str | None):
            seconds, images, samples = told
            verdict = judge.judge(torch.from_numpy(samples))
            point = {"seconds": seconds, "images": images, "distance": verdict.distance, "score": verdict.score}
            found["points"].append(point)
            print(f"{system}: " + ", ".join(f"{k} {v:.4g}" for k, v in point.items()), file=sys.stderr, flush=True)
            mine.send(True)
        found["failure"] = told
    except EOFError:
        found["failure"] = "its process has ended; see its own message above"
    finally:
        process.join(timeout=10)
        if process.is_alive():
            process.terminate()
        mine.close()
    return found


def _tables(results: dict[str, dict[str, Any]], real: dict[str, float], title: str) -> list[Table]:
    rows: list[list[str | float]] = [["real training images", "-", "-", real["distance"], real["score"]]]
    for system, result in results.items():
        rows += [[system, p["seconds"], p["images"], p["distance"], p["score"]] for p in result["points"]]
    tables = [Table(title, ("system", "seconds", "images seen", "distance", "score"), rows)]
    finals = {name: item["points"][-1]["distance"] for name, item in results.items() if item["points"]}
    theirs = {name: distance for name, distance in finals.items() if name in PYTHAE}
    if theirs:
        best = min(theirs, key=lambda name: theirs[name])
        passed: list[list[str | float]] = []
        for name in finals:
            time = passing_time([(p["seconds"], p["distance"]) for p in results[name]["points"]], theirs[best])
            passed.append([name, finals[name], "never" if time is None else time])
        heading = f"seconds to pass pythae's best final distance, {theirs[best]:.4g} by {best}"
        tables.append(Table(heading, ("system", "final distance", "seconds"), passed))
    return tables


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python tests/benchmarks quality", description="Compares quality of samples against training time."
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--minutes", type=float, default=10, metavar="N", help="training time of each system (default: 10)"
    )
    parser.add_argument(
        "--systems",
        nargs="+",
        default=[*_RECIPES, *PYTHAE],
        metavar="NAME",
        help=f"recipes, or {', '.join(PYTHAE)} (default: {', '.join(_RECIPES)} and all of these)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of every system (default: 0)")
    parser.add_argument(
        "--out", type=Path, default=Path("quality"), metavar="FOLDER", help="folder of quality.json and quality.png"
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Runs the command, and returns its exit status: 1 if a system failed."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.minutes <= 0 or asked.samples < 2:
        parser.error("--minutes must be above 0 and --samples at least 2")
    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
    data_dir = asked.data_dir.expanduser().absolute() if asked.data_dir is not None else None
    task = Task(asked.dataset, data_dir, ladder(60 * asked.minutes), asked.samples, asked.seed, asked.device)
    try:
        for name in asked.systems:
            if name not in PYTHAE:
                installed_plugins().recipe(name)
        judge = find_judge(task.load(), asked.cache, asked.judge_epochs, asked.device)
    except (PriorkitError, ValueError) as error:
        parser.error(str(error))
    asked.out.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    machine = describe_machine(threads)
    facts = {**machine, "judge's accuracy on held-out images": judge.accuracy}
    print("\n".join(f"{key}: {value}" for key, value in facts.items()), flush=True)
    verdict = judge.judge_training_images(asked.samples)
    real = {"distance": verdict.distance, "score": verdict.score}
    title = f"{asked.dataset}, {asked.samples} samples against {len(judge.data.test)} held-out images"
    results: dict[str, dict[str, Any]] = {}
    for system in asked.systems:
        results[system] = _measure(system, task, judge, threads)
        # Written after each system, so that a later failure does not lose hours of training.
        record = {
            "machine": facts,
            "arguments": {key: str(value) for key, value in vars(asked).items()},
            "real": real,
            "systems": results,
        }
        (asked.out / "quality.json").write_text(json.dumps(record, indent=2))
    for table in _tables(results, real, title):
        print("", *table.lines(), sep="\n", flush=True)
    draw_curves(asked.out / "quality.png", title, {name: item["points"] for name, item in results.items()}, real)
    failures = {name: item["failure"] for name, item in results.items() if item["failure"]}
    for name, failure in failures.items():
        print(f"{name} failed: {failure}", file=sys.stderr)
    return 1 if failures else 0
