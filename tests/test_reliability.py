"""The short form of `python tests/reliability`, run as its users run it."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "reliability"
HALVES = (
    "killed-at-operations killed-at-random signals full-disk damaged-files links torchrun limits read-only "
    "folder-removed clock two-processes",
    "hostile-files hostile-names fuzzed-lines fuzzed-toml fuzzed-npz fuzzed-pictures fuzzed-checkpoints flat-memory "
    "moved-runs earlier-formats",
)
"""They take as long as each other, and may run beside each other."""


@pytest.mark.parametrize("name", ["killed-at-operations", "full-disk", "links"])
def test_some_trials_are_made_each_time(name: str) -> None:
    command = [sys.executable, str(FOLDER), name, "--trials", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| {name}: " in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("names", HALVES, ids=["what befalls them", "what is odd"])
def test_runs_stand_what_happens_to_them(names: str) -> None:
    tried = names.split()
    done = subprocess.run(
        [sys.executable, str(FOLDER), *tried], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if ": " in line]
    assert [row[1].partition(":")[0].strip() for row in rows] == tried
    assert all(int(row[2]) > 0 for row in rows)
    assert {row[3].strip() for row in rows} == {"0"}


def test_every_trial_is_here() -> None:
    help_text = subprocess.run([sys.executable, str(FOLDER), "-h"], capture_output=True, text=True, check=True).stdout
    named = "".join(help_text.partition("all by default:")[2].partition("options:")[0].split())
    assert set(named.split(",")) == {name for half in HALVES for name in half.split()}


def test_what_is_not_tried_is_refused() -> None:
    done = subprocess.run([sys.executable, str(FOLDER), "fire"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no trial 'fire'; there are killed-at-operations" in done.stderr
