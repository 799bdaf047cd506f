"""The command line, run in a temporary folder."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from priorkit.cli import main


class Result(NamedTuple):
    status: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Flags of a run that takes no time."""
    flags = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4"
    return [*flags.split(), "--device", "cpu", "--precision", "float32"]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command within this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture
def trained(cli: Cli, tiny: list[str]) -> Path:
    """A run of four steps."""
    result = cli("train", "learned", *tiny, "--steps", 4, "--out", "trained", "--quiet")
    assert (result.status, result.out, result.err) == (0, "", "")
    return Path("trained")
