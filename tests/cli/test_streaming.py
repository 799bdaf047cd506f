"""`priorkit train --stream`, as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

pytestmark = pytest.mark.whole

COMMAND = [sys.executable, "-m", "priorkit", "train"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    for number in range(60):
        Image.fromarray(random.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(tmp_path / "data" / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def flags(tiny: list[str], data: Path) -> list[str]:
    return ["vae", *tiny, "--dataset", "folder", "--data-dir", str(data)]


def weights(path: Path) -> dict[str, torch.Tensor]:
    folder = json.loads((path / "checkpoints/last.json").read_text())["checkpoint"]
    found: dict[str, torch.Tensor] = load_file(path / "checkpoints" / folder / "weights.safetensors")
    return found


def same(first: Path, second: Path) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_streamed_and_resumed_in_memory_is_the_run_that_was_never_stopped(cli, tmp_path, flags):
    streamed = ["--stream", "always", "--workers", "1", "--steps", "2", "--out", "parts"]
    done = cli("train", *flags, *streamed)
    assert (done.status, done.err) == (0, "")
    assert "images are streamed" in done.out
    assert "8 images a step, read by 1 process\n" in done.out
    resumed = cli("train", "--resume", "parts", "--stream", "never", "--steps", 5)
    assert resumed.status == 0
    assert "streamed" not in resumed.out
    assert cli("train", *flags, "--steps", 5, "--out", "straight", "--quiet").status == 0
    assert same(tmp_path / "parts", tmp_path / "straight")


def lives(pid: int) -> bool:
    try:
        # Of one that has ended, nobody may have taken note yet.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def training(tmp_path: Path, flags: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A run with two processes that read, in a group of its own, which is in the midst of training."""
    endless = ["--stream", "always", "--workers", "2", "--max-time", "5m", "--log-every", "1", "--json"]
    process = subprocess.Popen(
        [*COMMAND, *flags, *endless, "--sample-every", "100000", "--out", "run"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "losses":
            break
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_saves_and_leaves_no_process(cli, training, tmp_path, flags, number, status):
    readers = children(training.pid)
    assert len(readers) == 2
    # As Ctrl-C in a terminal: to every process of the group.
    os.killpg(training.pid, number)
    out, err = training.communicate(timeout=60)
    assert (training.returncode, err) == (status, "")
    assert not any(lives(pid) for pid in readers)
    steps = json.loads(out.splitlines()[-1])["steps"]
    assert cli("train", "--resume", "run", "--steps", steps + 2, "--workers", 0, "--quiet").status == 0
    assert cli("train", *flags, "--steps", steps + 2, "--out", "straight", "--quiet").status == 0
    assert same(tmp_path / "run", tmp_path / "straight")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_run_that_was_killed_can_be_resumed(cli, training):
    readers = children(training.pid)
    training.kill()
    training.wait()
    # They hold the run's lock, as long as they live.
    while any(lives(pid) for pid in readers):
        time.sleep(0.01)
    assert cli("train", "--resume", "run", "--steps", 50, "--quiet").err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stream", "maybe"], "--stream: input should be 'auto', 'always' or 'never'"),
        (["--workers", "-1"], "--workers: input should be greater than or equal to 0"),
        (["--workers", "many"], "--workers: input should be a valid integer"),
    ],
)
def test_wrong_values_are_one_line(cli, flags, arguments, message):
    result = cli("train", *flags, *arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_broken_file_is_one_line(cli, data, flags):
    for path in data.iterdir():
        path.write_bytes(path.read_bytes()[:500])
    result = cli("train", *flags, "--stream", "always", "--workers", 1, "--steps", 2)
    assert result.status == 2
    assert "cannot be read as an image" in result.err
    assert result.err.count("\n") == 1
