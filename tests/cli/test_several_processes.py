"""`priorkit train`, started by torchrun or as torchrun would."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from priorkit.cli import main

Together = Callable[..., list[tuple[int, str, str]]]


@pytest.fixture
def together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_processes: Callable[..., list[Any]]) -> Together:
    """Runs a command in several processes at once; gives each one's status, output and errors.

    `spoil` is called in each of them before.
    """
    monkeypatch.chdir(tmp_path)

    def run(count: int, *arguments: object, spoil: Callable[[], None] | None = None) -> list[tuple[int, str, str]]:
        def work() -> tuple[int, str, str]:
            os.chdir(tmp_path)
            if spoil is not None:
                spoil()
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = main([str(argument) for argument in arguments])
            return status, out.getvalue(), err.getvalue()

        return in_processes(count, work)

    return run


def weights(run: str) -> dict[str, torch.Tensor]:
    checkpoints = Path(run) / "checkpoints"
    name = json.loads((checkpoints / "last.json").read_text())["checkpoint"]
    return load_file(checkpoints / name / "weights.safetensors")


def rows(run: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]


def assert_same_runs(one: str, other: str) -> None:
    expected = weights(other)
    for name, tensor in weights(one).items():
        torch.testing.assert_close(
            tensor, expected[name], rtol=1e-3, atol=2e-4, msg=lambda text, name=name: f"{name}: {text}"
        )
    for row, same in zip(rows(one), rows(other), strict=True):
        values = {name: value for name, value in row.items() if name != "seconds"}
        assert values == pytest.approx({name: same[name] for name in values}, rel=1e-3, abs=1e-4)


def test_two_processes_leave_the_run_that_one_leaves(together, tiny):
    flags = [*tiny, "--batch-size", 9, "--steps", 4, "--log-every", 1, "--sample-every", 2, "--learning-rate", "1e-4"]
    ((status, out, err),) = together(1, "train", "learned", *flags, "--out", "one")
    assert (status, err) == (0, "")
    main_process, other = together(2, "train", "learned", *flags, "--out", "two")
    assert main_process[::2] == (0, "")
    assert other == (0, "", "")
    assert "on 2 processes, each on cpu in float32, 9 images a step" in main_process[1]
    assert "on cpu in float32, 9 images a step" in out
    assert_same_runs("two", "one")
    assert json.loads(Path("two/environment.json").read_text())["processes"] == 2
    assert [path.name for path in Path.cwd().iterdir() if path.name != "one"] == ["two"]


def test_another_number_of_processes_goes_on(together, tiny):
    flags = [*tiny, "--batch-size", 9, "--log-every", 1, "--sample-every", 3, "--learning-rate", "1e-4"]
    together(1, "train", "aae", *flags, "--steps", 6, "--out", "whole")
    together(2, "train", "aae", *flags, "--steps", 3, "--out", "halves")
    for status, _, err in together(3, "train", "--resume", "halves", "--steps", 6):
        assert (status, err) == (0, "")
    assert_same_runs("halves", "whole")


def test_statistics_of_their_own_tie_a_run_to_its_number_of_processes(together, tiny):
    together(2, "train", "aae", *tiny, "--no-synchronise-batch-norm", "--steps", 2, "--out", "run")
    ((status, _, err),) = together(1, "train", "--resume", "run", "--steps", 4)
    assert status == 2
    assert "was started by 2 process(es) with --no-synchronise-batch-norm" in err
    assert [result[0] for result in together(2, "train", "--resume", "run", "--steps", 4)] == [0, 0]
    assert rows("run")[-1]["step"] == 4


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--prior", "lerned"], "unknown prior 'lerned'; did you mean 'learned'?"),
        (["--dataset", "folder", "--data-dir", "nowhere"], "/nowhere: let --data-dir name the folder"),
        (["--batch-size", "2", "--no-synchronise-batch-norm"], "--batch-size 2 is too small for 2 processes"),
        (["--device", "cuda:0"], "--device cuda:0: 2 processes on this machine cannot share it"),
    ],
)
def test_a_mistake_is_told_once_and_leaves_nothing(together, flags, words):
    main_process, other = together(2, "train", *flags, "--steps", 1)
    assert main_process[0] == 2
    assert words in main_process[2]
    assert main_process[2].count("\n") == 1
    assert other == (2, "", "")
    assert not list(Path.cwd().iterdir())


def test_what_one_process_alone_cannot_read_is_told_by_the_main_one(together, tiny):
    """As on machines of which one lacks the data."""

    def spoil() -> None:
        from priorkit.errors import DataError
        from priorkit.runs import training_run

        def load(*arguments: object) -> None:
            raise DataError("there is no folder /data")

        if os.environ["RANK"] == "1":
            training_run.load_data = load

    main_process, other = together(2, "train", "vae", *tiny, "--steps", 1, spoil=spoil)
    assert main_process[0] == other[0] == 2
    assert "process 1 of 2 on " in main_process[2]
    assert main_process[2].endswith(": there is no folder /data\n")
    assert other[2] == ""


def test_a_process_that_fails_in_training_ends_the_run_with_its_error(together, tiny):
    def spoil() -> None:
        from priorkit.training import Session

        step = Session.step

        def fails(session: Session) -> None:
            if os.environ["RANK"] == "1" and session.steps == 2:
                raise ArithmeticError("the second process has had enough")
            step(session)

        Session.step = fails  # type: ignore[method-assign]

    main_process, other = together(2, "train", "vae", *tiny, "--steps", 5, "--out", "run", spoil=spoil)
    assert main_process[0] == 2
    assert "another process of this run has ended or does not answer" in main_process[2]
    assert other == "ArithmeticError: the second process has had enough"
    assert [result[0] for result in together(2, "train", "--resume", "run")] == [0, 0]


def test_divergence_is_told_once(together, tiny):
    main_process, other = together(2, "train", "vae", *tiny, "--steps", 50, "--learning-rate", "1e20", "--log-every", 1)
    assert main_process[0] == 1
    assert "training diverged" in main_process[2]
    assert main_process[2].count("\n") == 1
    assert other == (2, "", "")


def test_torchrun_starts_it_and_stops_it(tiny, tmp_path):
    """The real thing: the launcher hands Ctrl-C on, and the run can go on."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "priorkit"]
    process = subprocess.Popen(
        [*command, "train", "vae", *tiny, "--max-time", "2m", "--log-every", "1", "--out", "run", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    events = []
    assert process.stdout is not None
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "losses" and events[-1]["step"] == 3:
            process.send_signal(signal.SIGINT)
    process.wait(60)
    assert [event["event"] for event in events].count("start") == 1
    assert events[-1]["event"] == "end"
    assert events[-1]["stopped"] == "interrupted"
    steps = events[-1]["steps"]
    assert json.loads((tmp_path / "run/checkpoints/last.json").read_text()) == {"checkpoint": f"step-{steps:08d}"}
    resumed = subprocess.run(
        [sys.executable, "-m", "priorkit", "train", "--resume", "run", "--steps", str(steps + 2), "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(resumed.stdout.splitlines()[-1])["steps"] == steps + 2
