"""A few of the trials of `python tests/reliability`, run as its users run them."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "reliability"


@pytest.mark.parametrize("name", ["killed-at-operations", "full-disk", "links"])
def test_runs_stand_what_happens_to_them(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER), name, "--trials", "2"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| {name}: " in done.stdout
    assert "| 2 | 0 | " in done.stdout


def test_what_is_not_tried_is_refused() -> None:
    done = subprocess.run([sys.executable, str(FOLDER), "fire"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no trial 'fire'; there are killed-at-operations" in done.stderr
