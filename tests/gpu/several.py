"""Several processes: batch norm over an NCCL group, and a run started by torchrun."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, distributed

from check import Asked, Check, Failure, Skip
from closeness import Tolerance, require_close

__all__ = ["CHECKS"]

_MOST = 2
_PATIENCE = 300
"""Seconds after which a child process is stopped."""
_LINES = 8
"""Number of last lines of a child's messages that are shown."""
_TOLERANCE = 1e-4
_TRAIN = (
    *("train", "learned", "--networks.width", "4", "--image-size", "16", "--batch-size", "8", "--code-dim", "4"),
    *("--steps", "4", "--log-every", "1", "--learning-rate", "1e-4", "--precision", "float32", "--quiet"),
)
_WEIGHTS = Tolerance(1e-3, 2e-4)


def _count(asked: Asked) -> int:
    """Returns the number of processes: one for each card, at most two, or two on the CPU.

    Raises:
        Skip: This torch has no support for several processes.
    """
    if not distributed.is_available() or (asked.on_cuda and not distributed.is_nccl_available()):
        raise Skip("needs a torch with torch.distributed, and for CUDA devices NCCL")
    return min(_MOST, torch.cuda.device_count()) if asked.on_cuda else _MOST


def _run(command: list[str], asked: Asked) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NVIDIA_TF32_OVERRIDE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
        cwd=asked.folder,
        env=environment,
    )
    if done.returncode:
        # torchrun's own report of a failed process follows the process's messages, and is left out.
        said = (done.stderr.partition("\n=====")[0].strip() or done.stdout.strip()).splitlines()
        raise Failure(f"{' '.join(command[:4])} ... ended with {done.returncode}: " + " | ".join(said[-_LINES:]))


def _torchrun(count: int) -> list[str]:
    return ["torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]


def _batch_norm(_recipe: str, asked: Asked) -> str:
    count, answer = _count(asked), asked.folder / "batch-norm.json"
    child = str(Path(__file__).with_name("batch_norm_process.py"))
    _run([*_torchrun(count), child, asked.device.type, str(answer)], asked)
    found = json.loads(answer.read_text())
    told = ", ".join(f"{name} {value:.1e}" for name, value in found["differences"].items())
    if not all(value <= _TOLERANCE for value in found["differences"].values()):
        raise Failure(f"largest differences, {_TOLERANCE:g} allowed: {told}")
    return f"{count} process(es), {found['backend']}; largest differences: {told}"


def _weights(run: Path) -> dict[str, Tensor]:
    name = json.loads((run / "checkpoints" / "last.json").read_text())["checkpoint"]
    return dict(load_file(run / "checkpoints" / name / "weights.safetensors"))


def _training(_recipe: str, asked: Asked) -> str:
    count = _count(asked)
    flags = [*_TRAIN, "--seed", str(asked.seed), "--device", asked.device.type]
    _run([*_torchrun(count), "-m", "priorkit", *flags, "--out", "together"], asked)
    _run(["priorkit", *flags, "--out", "alone"], asked)
    together, alone = (_weights(asked.folder / name) for name in ("together", "alone"))
    return f"{count} process(es), weights: " + require_close(together, alone, _WEIGHTS)


CHECKS = [
    Check(
        "batch-norm", "batch norm over a group of processes equals torch's batch norm over the whole batch", _batch_norm
    ),
    Check("torchrun", "`torchrun -m priorkit train` leaves the same run as one process", _training),
]
