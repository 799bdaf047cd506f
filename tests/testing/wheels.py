"""Builds and installs plug-ins from folders, in few processes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["install_wheels"]

_BUILD = """
import os, sys
from setuptools import build_meta

out, *sources = sys.argv[1:]
for source in sources:
    os.chdir(source)
    build_meta.build_wheel(out)
"""


def install_wheels(sources: Sequence[Path], wheels: Path, target: Path) -> None:
    """Builds a wheel of each source and has pip install all of them into a folder.

    pip would start three processes to build each of them; setuptools, which is what builds them, is called here itself.

    Args:
        sources: Folders with a `pyproject.toml`; building leaves folders behind in them.
        wheels: An empty folder for the wheels.
        target: The folder that the plug-ins are installed into.
    """
    subprocess.run([sys.executable, "-c", _BUILD, wheels, *sources], check=True, capture_output=True, text=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-compile", "--target", target, *wheels.glob("*.whl")], check=True)
