"""`python tests/gpu` without a GPU: its messages, the parts that run on a CPU, and that its checks can fail."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.engine import Engine
from priorkit.engine.first_fault import FirstFault
from priorkit.testing.absent_devices import CUDA, fake_cuda

FOLDER = Path(__file__).parent / "gpu"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(FOLDER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


def rows(output: str) -> list[list[str]]:
    """Returns the cells of a table's rows, without the heading."""
    table = [line.strip("| ").split(" | ") for line in output.splitlines() if line.startswith("| ")]
    assert table[0] == ["what", "result", "detail", "seconds"]
    return table[1:]


@pytest.fixture
def command(gpu_module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Returns the command's module, to run it in this process."""
    monkeypatch.setenv("PRIORKIT_CACHE", "")  # the command sets it; restored afterwards
    spec = importlib.util.spec_from_file_location("gpu_command", FOLDER / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_gpu_it_says_so(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main([]) == 0
    told = capsys.readouterr()
    assert (len(told.out.splitlines()), told.err) == (1, "")
    assert "finds no CUDA device, so nothing was checked; --device cpu " in told.out


def test_what_there_is_not_is_refused(command: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["steps", "fire"])
    assert ended.value.code == 2
    assert "no check or recipe 'fire'; there are steps, resumption, " in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        command.main(["compile", "wgan-gp", "--device", "cpu"])
    assert ended.value.code == 2
    assert "none of these checks is made with these recipes" in capsys.readouterr().err


@pytest.mark.whole
def test_a_cpu_can_do_some_of_it() -> None:
    done = run("--device", "cpu", "steps", "waiting", "streaming", "vae", "text-to-image")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("cpu: ")
    assert f"torch {torch.__version__}" in done.stdout.splitlines()[0]
    assert [(what, result) for what, result, *_ in rows(done.stdout)] == [
        ("steps: vae", "ok"),
        ("waiting: vae", "skipped"),
        ("steps: text-to-image", "ok"),
        ("waiting: text-to-image", "skipped"),
        ("streaming: vae", "ok"),
    ]


def test_planted_faults_are_found_and_the_rest_is_checked(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load, look = Engine.load_state_dict, FirstFault.look

    def forgetful(self: Engine, state: Mapping[str, Any]) -> None:
        load(self, {**state, "optimizers": self.state_dict()["optimizers"]})

    def blind(self: FirstFault, phase: str, player: str, terms: Any, gradients: Any) -> Tensor:
        return look(self, phase, player, terms, {})

    monkeypatch.setattr(Engine, "load_state_dict", forgetful)
    monkeypatch.setattr(FirstFault, "look", blind)
    names = ["steps", "resumption", "sampling", "fault-loss", "fault-gradient"]
    assert command.main(["--device", "cpu", *names, "aae"]) == 1
    told = capsys.readouterr()
    assert {what: result for what, result, *_ in rows(told.out)} == {
        "steps: aae": "ok",
        "resumption: aae": "FAILED",
        "sampling: aae": "ok",
        "fault-loss: aae": "ok",
        "fault-gradient: aae": "FAILED",
    }
    assert "resumption: aae: Failure: " in told.err
    assert "fault-gradient: aae: Failure: expected the message 'the gradient of the decoder in" in told.err


def test_other_devices_draw_what_the_cpu_draws(gpu_module: Callable[[str], ModuleType]) -> None:
    mode = gpu_module("draws").DrawnOnTheCpu()
    # A generator of a GPU is another object in each call.
    followers = [mode.follower(SimpleNamespace(device=CUDA, initial_seed=lambda: 3)) for _ in range(2)]
    drawn = [torch.randn(4, generator=follower) for follower in followers]
    own = torch.Generator().manual_seed(3)
    assert torch.equal(torch.stack(drawn), torch.stack([torch.randn(4, generator=own) for _ in range(2)]))
    assert mode.follower(own) is own
    with fake_cuda(), mode:
        half = torch.full((3,), 0.5, device=CUDA)
        for made in (
            torch.randn(3, device=CUDA),
            torch.randint(5, (3,), device=CUDA),
            torch.empty(3, device=CUDA).uniform_(),
            torch.rand_like(half),
            torch.bernoulli(half),
            torch.multinomial(half, 2),
            torch.nn.functional.dropout(half),
        ):
            assert made.device == CUDA
