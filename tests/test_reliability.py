"""`python tests/reliability` as a command, with few trials; `.ci/run` runs its short form with every kind of trial."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "reliability"
PAGE = FOLDER.parents[1] / "docs/reliability.md"

_PROGRAM = """
import importlib.util, sys
sys.path.insert(0, {folder!r})
spec = importlib.util.spec_from_file_location("reliability", {folder!r} + "/__main__.py")
command = importlib.util.module_from_spec(spec)
spec.loader.exec_module(command)

def run(*arguments):
    try:
        status = command.main(list(arguments))
    except SystemExit as end:
        status = end.code
    for stream in (sys.stdout, sys.stderr):
        print("== status", status, file=stream, flush=True)

run("--help")
run("fire")
run("clock", "full-disk", "--trials", "1")

from priorkit.cli import commands
from priorkit.engine import engine

told = commands._fail

def unexplained(message, *arguments):
    if message.startswith("cannot"):
        raise RuntimeError(message)
    return told(message, *arguments)

engine.restore_optimizer = lambda *_: None
commands._fail = unexplained
run("clock", "full-disk", "--trials", "1")
"""
"""Four commands in one process, as most of their time is that of imports. Before the last, priorkit gets two faults:
resumed runs start with new optimisers, and refusals end in a traceback."""


def _parts(text: str) -> list[tuple[str, int]]:
    """Returns each command's output and exit status."""
    first, *others = text.split("== status ")
    ends = [other.split("\n", 1) for other in others]
    texts = [first, *(rest for _, rest in ends)]
    return [(texts[number], int(status)) for number, (status, _) in enumerate(ends)]


def _rows(table: str) -> dict[str, list[int]]:
    """Returns the numbers of trials and failures of each row, by kind."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| ")]
    assert rows.pop(0) == ["what", "trials", "failures", "seconds", "processor time (s)"]
    return {row[0].partition(":")[0]: [int(cell) for cell in row[1:3]] for row in rows}


@pytest.mark.whole
def test_the_command_counts_trials_and_finds_faults() -> None:
    program = _PROGRAM.format(folder=str(FOLDER))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    helped, unknown, sound, faulty = _parts(done.stdout)
    *_, told_of_unknown, told_of_sound, told_of_faulty = _parts(done.stderr)

    names = "".join(helped[0].partition("all by default:")[2].partition("options:")[0].split()).split(",")
    assert helped[1] == 0
    assert {"clock", "full-disk"} < set(names)
    described = PAGE.read_text(encoding="utf-8").partition("| trials | what happens |")[2].partition("\n\n")[0]
    assert [name for name in names if f"`{name}`" not in described] == []

    assert unknown == ("", 2)
    assert "no trial 'fire'; there are killed-at-operations, " in told_of_unknown[0]

    assert sound[1] == 0
    assert _rows(sound[0]) == {"clock": [1, 0], "full-disk": [1, 0], "all": [2, 0]}
    assert told_of_sound[0] == ""

    assert faulty[1] == 1
    assert _rows(faulty[0]) == {"clock": [1, 1], "full-disk": [1, 1], "all": [2, 2]}
    assert "clock: the run differs from one without the mishap" in told_of_faulty[0]
    assert "RuntimeError: cannot" in told_of_faulty[0]
