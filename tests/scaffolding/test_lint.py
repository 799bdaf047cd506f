"""What `priorkit new-plugin` writes passes the linters that it is set up for; where they are installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import priorkit


def run(tool, *arguments, cwd):
    # Where priorkit lies, for a mypy that does not find it as it is installed here.
    environment = {**os.environ, "MYPYPATH": str(Path(priorkit.__file__).parents[1])}
    command = [sys.executable, "-m", tool, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=["check", "format"])
def test_ruff(written, oddly_named, arguments, tmp_path):
    pytest.importorskip("ruff")
    # Each of them by the settings of its own project.
    run("ruff", *arguments, "--no-cache", *written, *oddly_named, cwd=tmp_path)


def test_mypy(written, tmp_path):
    pytest.importorskip("mypy")
    sources = [path for folder in written for path in (*folder.glob("priorkit_*"), *folder.glob("tests/*.py"))]
    options = ["--config-file", written[0] / "pyproject.toml", "--follow-imports", "silent", "--cache-dir", tmp_path]
    run("mypy", *options, *sources, cwd=tmp_path)
