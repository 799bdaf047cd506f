"""The run that is subjected to mishaps, and its result without them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from children import run_command

__all__ = ["TRAIN", "Reference", "completed", "make_reference", "state_of"]

TRAIN = (
    *("train", "vae", "--networks", "mlp", "--networks.hidden", "8", "--code-dim", "4", "--batch-size", "32"),
    *("--steps", "12", "--checkpoint-every", "4", "--sample-every", "6", "--log-every", "3", "--device", "cpu"),
)
"""The command of a training that takes some tenths of a second."""


@dataclass(frozen=True)
class Reference:
    """A run without a mishap.

    Attributes:
        path: The run folder.
        state: The digest that `state_of` returns for it.
        seconds: How long the training took.
    """

    path: Path
    state: str
    seconds: float


def state_of(path: Path) -> str:
    """Returns a digest of a run's weights and of the engine's position at its last checkpoint."""
    import torch

    from priorkit.runs import RunFolder

    folder, digest = RunFolder.open(path), hashlib.blake2b()
    for name, tensor in sorted(folder.load_weights().items()):
        digest.update(name.encode() + tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    engine = folder.load_state()["engine"]
    digest.update(repr(sorted((key, value) for key, value in engine.items() if isinstance(value, int))).encode())
    return digest.hexdigest()


def make_reference(folder: Path) -> Reference:
    """Trains the reference run."""
    path = folder / "reference"
    ended = run_command([*TRAIN, "--out", str(path)])
    assert ended.status == 0, ended.output
    return Reference(path, state_of(path), ended.seconds)


def completed(path: Path, reference: Reference) -> str | None:
    """Completes a run as its user would, and returns what failed, or None.

    The run is resumed or, if its folder does not exist, trained again under the same name.
    """
    resumable = (path / "environment.json").is_file()
    ended = run_command(["train", "--resume", str(path)] if resumable else [*TRAIN, "--out", str(path)])
    if ended.status != 0 and not (ended.status == 2 and "has reached its limit" in ended.output):
        return f"{'--resume' if resumable else 'train'} ended with {ended.status}: {ended.output.strip()[-300:]}"
    if not (path / "report.html").is_file():
        return "there is no report"
    if state_of(path) != reference.state:
        return "the run differs from one without the mishap"
    return None
