"""The short form of `python tests/reliability`, run as its users run it."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "reliability"


def test_runs_stand_what_happens_to_them() -> None:
    done = subprocess.run([sys.executable, str(FOLDER)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if ": " in line]
    assert len(rows) >= 20
    assert all(int(trials) > 0 for _, _, trials, *_ in rows)
    assert {failures.strip() for _, _, _, failures, *_ in rows} == {"0"}


def test_what_is_not_tried_is_refused() -> None:
    done = subprocess.run([sys.executable, str(FOLDER), "fire"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no trial 'fire'; there are killed-at-operations" in done.stderr
