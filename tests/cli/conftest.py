"""The command line, run in a temporary folder."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from priorkit.cli import main
from priorkit.training import Session


class Result(NamedTuple):
    status: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture(scope="package", autouse=True)
def _digits_are_read_once() -> Iterator[None]:
    """Reads the file of the digits, which most of the runs here are trained on, once."""
    from priorkit_plugins.digits import source

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "load_digits", cache(source.load_digits))
        yield


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Flags of a run that takes no time."""
    flags = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4"
    return [*flags.split(), "--device", "cpu", "--precision", "float32"]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command within this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    # Output would be folded.
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def trained_before() -> dict[tuple[str, ...], Path]:
    """Runs that tests have trained, by the command; they are never changed."""
    return {}


@pytest.fixture
def run_of(
    cli: Cli, trained_before: dict[tuple[str, ...], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Gives a run in the empty folder, by its name and the command that trains it.

    The first test that asks for a command trains; the others get a copy, to read or to change.
    """

    def make(name: str, *arguments: object) -> Path:
        command = ("train", *map(str, arguments), "--out", name, "--quiet")
        if command in trained_before:
            return Path(shutil.copytree(trained_before[command], name))
        result = cli(*command)
        assert (result.status, result.out, result.err) == (0, f"{name}\n", "")
        trained_before[command] = shutil.copytree(name, tmp_path_factory.mktemp("trained") / name)
        return Path(name)

    return make


@pytest.fixture
def trained(run_of: Callable[..., Path], tiny: list[str]) -> Path:
    """A run of four steps."""
    return run_of("trained", "learned", *tiny, "--steps", 4)


@pytest.fixture
def send_at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, signal.Signals], AbstractContextManager[None]]:
    """Sends this process a signal, as Ctrl-C does, when a training has taken so many steps."""

    @contextmanager
    def sending(steps: int, number: signal.Signals) -> Iterator[None]:
        step = Session.step

        def then_send(session: Session) -> None:
            step(session)
            if session.steps == steps:
                signal.raise_signal(number)

        with monkeypatch.context() as patch:
            patch.setattr(Session, "step", then_send)
            yield

    return sending
