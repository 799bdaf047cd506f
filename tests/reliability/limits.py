"""Processes with limits on open files, file sizes or memory."""

import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from runs import TRAIN, completed, make_reference
from trial import Trial

from children import run_command
from priorkit.registry import installed_plugins

__all__ = ["TRIALS"]

_LEAST_FILE = 4096
"""Smallest limit on file sizes, in bytes. The command's output goes to a file, too."""


def _file_size(random: Random) -> tuple[str, Callable[[], None]]:
    most = int(_LEAST_FILE * 2 ** random.uniform(0, 7))
    return f"files of {most} bytes", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _open_files(random: Random) -> tuple[str, Callable[[], None]]:
    more = random.randrange(12)

    def set_limit() -> None:
        most = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()) + 1 + more
        # Makes the command find and load plug-ins again, under the limit.
        installed_plugins.cache_clear()
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    return f"{more} more open files", set_limit


def _memory(random: Random) -> tuple[str, Callable[[], None]]:
    more = int(2 ** random.uniform(20, 28))

    def set_limit() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    return f"{more} more bytes of memory", set_limit


def limits(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Trains or resumes a run under a limit."""
    reference = make_reference(folder)
    halfway = folder / "halfway"
    ended = run_command([*TRAIN, "--out", str(halfway), "--steps", "6"])
    assert ended.status == 0, ended.output
    for number in range(trials):
        path = folder / f"run-{number}"
        limited = (_file_size, _open_files, _memory)[number % 3]
        limit, set_limit = limited(random)
        command = [*TRAIN, "--out", str(path)]
        if random.random() < 0.5:
            shutil.copytree(halfway, path)
            command = ["train", "--resume", str(path), "--steps", "12"]
        ended = run_command(command, before=set_limit)
        # torch may crash if there is no memory for the code that it generates. priorkit cannot catch that.
        failure = None if ended.crashed and limited is _memory else ended.fault()
        if failure is None:
            if (path / "environment.json").is_file():
                # Sets the number of steps again, in case the limit came before it was written.
                run_command(["train", "--resume", str(path), "--steps", "12"])
            failure = completed(path, reference)
        yield failure and f"{limit}, {' '.join(command[:2])}: {failure}"
        shutil.rmtree(path, ignore_errors=True)


TRIALS = (
    Trial(
        "limits",
        "few open files, small files, or little memory: one line; then resumed: the same run",
        6,
        60,
        limits,
    ),
)
