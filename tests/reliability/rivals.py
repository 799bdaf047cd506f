"""Two processes that use one run at the same time."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from runs import TRAIN, Reference, make_reference, state_of
from trial import Trial

from children import Ended, Running, run_command

__all__ = ["TRIALS"]

_FURTHER = 60
_ANNOUNCED = re.compile(r"^training (\S+):", re.MULTILINE)


def _at_once(commands: Sequence[Sequence[str]], random: Random, folder: Path) -> list[Ended]:
    """Runs commands in a folder, each started a moment after the previous one."""

    def enter() -> None:
        os.chdir(folder)

    running = []
    for command in commands:
        running.append(Running(command, enter))
        running[-1].wait(random.uniform(0, 0.6))
    return [each.ended() for each in running]


def _trained_by_two(path: Path, random: Random, expected: str) -> str | None:
    command = ["train", "--resume", str(path), "--steps", str(_FURTHER)]
    ended = _at_once([command, command], random, path.parent)
    failure = next(filter(None, (each.fault() for each in ended)), None)
    if failure is not None:
        return failure
    if not any(each.status == 0 for each in ended):
        return f"neither process has trained the run: {ended[0].output.strip()[-300:]}"
    refused = [each.output for each in ended if each.status == 2]
    if len(refused) != 1 or not re.search("another process|has reached its limit|steps already", refused[0]):
        return f"the other process got no such error: {refused}"
    return None if state_of(path) == expected else "the run differs from that of one process"


def _used_while_trained(path: Path, random: Random, expected: str, number: int) -> str | None:
    uses = [
        ["sample", str(path), "-n", "4", "--device", "cpu", "--out", str(path.with_suffix(".npz"))],
        ["evaluate", str(path), "--scores", "psnr", "--samples", "8", "--device", "cpu"],
        ["reconstruct", str(path), "-n", "4", "--device", "cpu", "--out", str(path.with_suffix(".png"))],
        [*TRAIN, "--out", str(path)],
    ]
    use = uses[number % len(uses)]
    ended = _at_once([["train", "--resume", str(path), "--steps", str(_FURTHER)], use, use], random, path.parent)
    for output in (path.with_suffix(".npz"), path.with_suffix(".png")):
        output.unlink(missing_ok=True)
    failure = ended[0].fault(may=(0,)) or next(filter(None, (each.fault() for each in ended[1:])), None)
    if failure is not None:
        return f"{use[0]}: {failure}"
    return None if state_of(path) == expected else f"{use[0]}: the run differs from one left alone"


def _two_new(folder: Path, random: Random, reference: Reference) -> str | None:
    folder.mkdir()
    ended = _at_once([TRAIN, TRAIN], random, folder)
    failure = next(filter(None, (each.fault(may=(0,)) for each in ended)), None)
    if failure is not None:
        return failure
    announced = [found[1] for each in ended if (found := _ANNOUNCED.search(each.output))]
    if len(set(announced)) != 2:
        return f"the announced run folders were {announced}"
    states = {state_of(folder / name) for name in announced}
    return None if states == {reference.state} else "a run differs from one trained alone"


def two_processes(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Trains one run in two processes, uses a run during its training, or starts two runs without names."""
    reference = make_reference(folder)
    alone = Path(shutil.copytree(reference.path, folder / "alone"))
    ended = run_command(["train", "--resume", str(alone), "--steps", str(_FURTHER)])
    assert ended.status == 0, ended.output
    expected = state_of(alone)
    for number in range(trials):
        path = folder / f"run-{number}"
        if number % 3 == 2:
            yield _two_new(path, random, reference)
        else:
            shutil.copytree(reference.path, path)
            trained = number % 3 == 0
            yield (
                _trained_by_two(path, random, expected)
                if trained
                else _used_while_trained(path, random, expected, number // 3)
            )
        shutil.rmtree(path, ignore_errors=True)


TRIALS = (
    Trial(
        "two-processes",
        "two processes use one run, or start runs, at once: one trains, others get an error; the same run",
        3,
        30,
        two_processes,
    ),
)
