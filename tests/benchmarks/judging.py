"""The command `judge`, which scores trained runs by the judge.

`python tests/benchmarks judge RUN... --dataset mnist --data-dir DIR`. Samples and reconstructions are made as users
make them: by `priorkit.load_run(RUN).sample(N)` and `.reconstruct(images)`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import priorkit
from judge import Judge, default_cache, find_judge
from machine import describe_machine
from priorkit import Run, installed_plugins
from priorkit.data import load_data, to_float, to_uint8
from priorkit.errors import PriorkitError
from priorkit.interfaces import ImageData
from sessions import make_config
from table import Table

__all__ = ["add_data_arguments", "load_judged_data", "main"]

_CHUNK = 500


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the data, the judge, the device and the threads."""
    parser.add_argument("--dataset", default="digits", metavar="NAME", help="data set with labels (default: digits)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of the data set")
    parser.add_argument("--samples", type=int, default=10_000, metavar="N", help="samples to score (default: 10000)")
    parser.add_argument("--judge-epochs", type=int, metavar="N", help="training passes of the judge (3; colour: 20)")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), metavar="DIR", help="cache folder of the judge (%(default)s)"
    )
    parser.add_argument("--device", default="auto", help="device of all computations (default: auto)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of one process (default: torch's own choice)")


def load_judged_data(asked: argparse.Namespace) -> ImageData:
    """Loads the data set that the options name, prepared as for a run."""
    settings: dict[str, Any] = {"dataset": {"name": asked.dataset}, "device": asked.device}
    if asked.data_dir is not None:
        settings["data_dir"] = asked.data_dir
    return load_data(make_config("learned", settings), installed_plugins())


def _reconstructions(run: Run, images: Tensor) -> Tensor:
    device = run.model.device
    parts = [run.reconstruct(to_float(run.as_trained_on(part)).to(device)) for part in torch.split(images, _CHUNK)]
    return torch.cat([to_uint8(part).cpu() for part in parts])


def _row(path: Path, judge: Judge, samples: int, seed: int, checkpoint: str) -> list[str | float]:
    run = priorkit.load_run(path, device=str(judge.device), checkpoint=checkpoint)
    if run.shape != judge.data.shape:
        raise ValueError(f"{path}: trained on images of shape {tuple(run.shape)}, not {tuple(judge.data.shape)}")
    made = judge.judge(to_uint8(run.sample(samples, seed=seed)).cpu())
    kept: float | str = "-"
    if run.model.encoder is not None:
        images = judge.data.test.spread(samples)
        kept = judge.judge(_reconstructions(run, images)).distance
    return [f"{path.name} ({run.checkpoint})", made.score, made.distance, kept]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python tests/benchmarks judge", description="Scores runs by a classifier that no training uses."
    )
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="run folders; without any, only the judge is trained"
    )
    add_data_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the samples (default: 0)")
    parser.add_argument("--checkpoint", default="last", help="last or best (default: last)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Runs the command, and returns its exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.samples < 2:
        parser.error(f"argument --samples: expected at least 2, given {asked.samples}")
    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
    try:
        judge = find_judge(load_judged_data(asked), asked.cache, asked.judge_epochs, asked.device)
        real = judge.judge_training_images(asked.samples)
        rows: list[list[str | float]] = [["real training images", real.score, real.distance, "-"]]
        rows += [_row(path, judge, asked.samples, asked.seed, asked.checkpoint) for path in asked.runs]
    except (PriorkitError, ValueError) as error:
        parser.error(str(error))
    table = Table(
        f"{asked.dataset}, {asked.samples} samples, against {len(judge.data.test)} held-out images",
        ("images", "score", "distance", "distance of reconstructions"),
        rows,
        {"judge's accuracy on held-out images": judge.accuracy},
    )
    machine = describe_machine(torch.get_num_threads())
    if asked.json:
        print(json.dumps({"machine": machine, "judge": table.record()}, indent=2))
    else:
        print("\n".join([*(f"{key}: {value}" for key, value in machine.items()), "", *table.lines()]))
    return 0
