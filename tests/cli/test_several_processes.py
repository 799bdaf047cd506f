"""`priorkit train`, started by torchrun or as torchrun would."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from priorkit.cli import main

pytestmark = pytest.mark.whole

Together = Callable[..., list[tuple[int, str, str]]]


@pytest.fixture
def together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_processes: Callable[..., list[Any]]) -> Together:
    """Runs a command in several processes at once; gives each one's status, output and errors.

    `own` are further arguments of single processes; `spoil` is called in each of them before.
    """
    monkeypatch.chdir(tmp_path)

    def run(
        count: int,
        *arguments: object,
        own: Mapping[int, Sequence[object]] = MappingProxyType({}),
        spoil: Callable[[], None] | None = None,
        errors: bool = False,
    ) -> list[tuple[int, str, str]]:
        given = [[str(argument) for argument in (*arguments, *own.get(rank, ()))] for rank in range(count)]

        def work() -> tuple[int, str, str]:
            os.chdir(tmp_path)
            if spoil is not None:
                spoil()
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = main(given[int(os.environ["RANK"])])
            return status, out.getvalue(), err.getvalue()

        return in_processes(count, work, errors=errors)

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

    main_process, other = together(2, "train", "vae", *tiny, "--steps", 5, "--out", "run", spoil=spoil, errors=True)
    assert main_process[0] == 2
    assert "another process of this run has ended" in main_process[2]
    assert other == "ArithmeticError: the second process has had enough"
    assert [result[0] for result in together(2, "train", "--resume", "run")] == [0, 0]


@pytest.mark.parametrize("flags", [["--learning-rate", "0.2"], ["--steps", "4"], ["--holdout", "0.2"]])
def test_processes_that_were_started_for_different_runs_say_so(together, tiny, flags):
    main_process, other = together(2, "train", "vae", *tiny, "--steps", 3, own={1: flags})
    assert main_process[0] == other[0] == 2
    assert f"process 1 of 2 was started for another run: its {flags[0]} is {flags[1]}, but that" in main_process[2]
    assert other[2] == ""
    assert not list(Path.cwd().iterdir())


def test_processes_that_find_different_images_say_so(together, tiny, tmp_path):
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
        for number in range(20):
            shade = number * 6 + (rank if number == 7 else 0)
            Image.new("L", (16, 16), shade).save(tmp_path / f"{rank}/{number:02d}.png")
    own = {rank: ["--data-dir", tmp_path / str(rank)] for rank in range(2)}
    main_process, _ = together(2, "train", "vae", *tiny, "--dataset", "folder", "--steps", 3, own=own)
    assert "was started for another run: its data (by a sample of its images) is " in main_process[2]


def test_a_file_that_breaks_is_told_once_and_leaves_a_checkpoint(together, tiny, tmp_path):
    for number in range(40):
        Image.new("L", (16, 16), number * 6).save(tmp_path / f"{number:02d}.png")
    flags = ["--dataset", "folder", "--data-dir", tmp_path, "--stream", "always", "--workers", 1, "--batch-size", 8]

    def spoil() -> None:
        from priorkit.errors import DataError
        from priorkit.training import Session

        fetch = Session.fetch

        def fails(session: Session) -> None:
            if session.steps == 3 and os.environ["RANK"] == "1":
                raise DataError("07.png cannot be read as an image")
            fetch(session)

        Session.fetch = fails  # type: ignore[method-assign]

    run = tmp_path.parent / f"{tmp_path.name}-run"
    main_process, other = together(
        2, "train", "vae", *tiny, *flags, "--steps", 50, "--out", run, "--quiet", spoil=spoil
    )
    assert main_process[0] == other[0] == 2
    assert "process 1 of 2 on " in main_process[2]
    assert "07.png cannot be read as an image" in main_process[2]
    assert (main_process[2].count("\n"), other[2]) == (1, "")
    assert json.loads((run / "checkpoints/last.json").read_text())["checkpoint"] == "step-00000003"
    assert [result[0] for result in together(2, "train", "--resume", run, "--steps", 5, "--quiet")] == [0, 0]


def test_a_program_may_train_again_after_an_error(in_processes, tiny_config, registry, tmp_path):
    """As a search over settings does, in which some diverge."""

    def work() -> list[Any]:
        import priorkit
        from priorkit.errors import NonFiniteLossError, ProcessesError
        from priorkit.training import Session

        fetch = Session.fetch

        def late(session: Session) -> None:
            # Late enough for the other one to look whether this one is still there.
            time.sleep(0.1 if os.environ["RANK"] == "1" and session.steps == 0 else 0)
            fetch(session)

        Session.fetch = late  # type: ignore[method-assign]
        seen: list[Any] = []
        for rate, steps in ((1e20, 50), (1e-3, 3)):
            config = tiny_config("vae", steps=steps, learning_rate=rate, log_every=1)
            try:
                seen.append(len(priorkit.train(config, tmp_path / str(steps), registry=registry).metrics) > 0)
            except (NonFiniteLossError, ProcessesError) as error:
                seen.append("training diverged" in str(error))
        return seen

    assert in_processes(2, work) == [[True, True], [True, True]]


def test_divergence_is_told_once(together, tiny):
    main_process, other = together(2, "train", "vae", *tiny, "--steps", 50, "--learning-rate", "1e20", "--log-every", 1)
    assert main_process[0] == 1
    assert "training diverged" in main_process[2]
    assert main_process[2].count("\n") == 1
    assert other == (2, "", "")


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_torchrun_starts_it_and_stops_it(cli, tiny, tmp_path, number):
    """The real thing: the launcher hands Ctrl-C on, and the run can go on.

    Whoever stops a whole group of processes reaches each of them twice, as the launcher hands that on, too.
    """
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
            if number == signal.SIGINT:
                process.send_signal(number)
                continue
            launched = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for pid in [process.pid, *map(int, launched)]:
                os.kill(pid, number)
    process.wait(60)
    assert [event["event"] for event in events].count("start") == 1
    assert events[-1]["event"] == "end"
    assert events[-1]["stopped"] == ("interrupted" if number == signal.SIGINT else "terminated")
    steps = events[-1]["steps"]
    assert json.loads((tmp_path / "run/checkpoints/last.json").read_text())["checkpoint"] == f"step-{steps:08d}"
    resumed = cli("train", "--resume", "run", "--steps", steps + 2, "--json")
    assert (resumed.status, resumed.err) == (0, "")
    assert json.loads(resumed.out.splitlines()[-1])["steps"] == steps + 2
