import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import priorkit
from priorkit.config import RunConfig, resolve_config
from priorkit.errors import ConfigurationError, DataError, NonFiniteLossError, RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, load_run, prepare, prepare_resumed, train
from priorkit.training import Observer

# New runs.


def test_a_run_leaves_everything_in_its_folder(
    trained_path: Path,
    contents_of: Callable[[Path], Any],
    saved: Callable[..., dict[str, Any]],
    measurements: Callable[[Path], list[Any]],
) -> None:
    entries = contents_of(trained_path)
    assert {key for key in entries if "/" not in key and not key.startswith("events")} == {
        ".lock",
        "checkpoints",
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "report.html",
        "samples",
    }
    assert {key for key in entries if key.startswith("samples/")} == {
        f"samples/{kind}-0000000{step}.png" for kind in ("samples", "reconstructions") for step in (3, 6)
    }
    rows = measurements(trained_path)
    assert [row["step"] for row in rows] == [2, 3, 4, 6, 6]
    assert [row["images"] for row in rows] == [6 * row["step"] for row in rows]
    assert {"checkpoints/last.json", "checkpoints/best.json"} <= entries.keys()
    assert saved(trained_path)["/engine/steps"] == 6


def test_the_same_configuration_gives_the_same_run(
    trained_path: Path,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
    pictures: Callable[[Path], Any],
) -> None:
    torch.manual_seed(99)
    # Reading a configuration back from its file is the same configuration.
    config = RunFolder.open(trained_path).read_config()
    assert resolve_config(config, registry) == run_config()
    outcome = prepare(config, tmp_path / "again", registry=registry).run()
    assert (outcome.stopped, outcome.steps, outcome.images) == (None, 6, 36)
    assert outcome.best == RunFolder.open(trained_path).checkpoints.load_state()["best"]
    assert_same(tmp_path / "again", trained_path)
    assert_same(tmp_path / "again", trained_path, "best")
    assert measurements(tmp_path / "again") == measurements(trained_path)
    assert pictures(tmp_path / "again") == pictures(trained_path)


def test_preparing_writes_nothing(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepared = prepare(run_config(), registry=registry)
    assert prepared.path == Path("runs/learned-tiny-001")
    assert prepare(run_config(), name="mine", registry=registry).path == Path("runs/mine-tiny-001")
    assert prepare(run_config(), "elsewhere", registry=registry).path == Path("elsewhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"batch_size": 21}, ConfigurationError),
        ({"dataset": {"train": 0}}, DataError),
        ({"dataset": "npz", "data_dir": "missing.npz"}, DataError),
        ({"regularizer": "kl"}, ConfigurationError),
        ({"image_size": 24}, ConfigurationError),
    ],
)
def test_what_cannot_be_trained_fails_before_anything_is_written(
    changes: dict[str, Any],
    error: type[Exception],
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        prepare(run_config(**changes), tmp_path / "runs" / "run", registry=registry)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_taken_is_left_alone(
    run_path: Path,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    contents_of: Callable[[Path], Any],
) -> None:
    before = contents_of(run_path)
    with pytest.raises(RunFolderError, match="already exists"):
        prepare(run_config(), run_path, registry=registry)
    # Also if it is taken between preparing and running.
    prepared = prepare(run_config(), tmp_path / "late", registry=registry)
    shutil.copytree(run_path, tmp_path / "late")
    with pytest.raises(RunFolderError, match="already exists"):
        prepared.run()
    assert contents_of(run_path) == contents_of(tmp_path / "late") == before


def test_a_default_folder_that_is_taken_meanwhile_is_left_alone_for_the_next(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (prepare(run_config(steps=1), registry=registry) for _ in range(2))
    assert first.path == second.path
    assert [run.run().path.name for run in (first, second)] == ["learned-tiny-001", "learned-tiny-002"]
    assert second.path == Path("runs/learned-tiny-002")


@pytest.mark.parametrize("killed", [True, False])
def test_a_run_that_ends_before_its_first_checkpoint_is_due_can_go_on(
    killed: bool,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    trained_path: Path,
    tmp_path: Path,
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
    at: Callable[..., Observer],
) -> None:
    def fail() -> None:
        raise MemoryError if killed else NonFiniteLossError("nan")

    with pytest.raises((MemoryError, NonFiniteLossError)):
        prepare(run_config(), tmp_path / "run", registry=registry).run([at(1, fail)])
    resumed = prepare_resumed(tmp_path / "run", registry=registry)
    assert resumed.session.steps == 0
    resumed.run()
    assert_same(tmp_path / "run", trained_path)
    assert measurements(tmp_path / "run") == measurements(trained_path)


def test_an_empty_folder_is_taken(run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert train(run_config(steps=1), tmp_path / "run", registry=registry).checkpoints.has("last")


def test_training_leaves_the_callers_randomness_alone(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(run_config(steps=2), tmp_path / "run", registry=registry)
    assert torch.equal(torch.get_rng_state(), before)


def test_observers_are_told(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, at: Callable[..., Observer]
) -> None:
    told: list[int] = []
    observers = [at(step, lambda step=step: told.append(step)) for step in (1, 2)]
    run = train(run_config(steps=2), tmp_path / "run", observers=observers, registry=registry)
    assert told == [1, 2]
    assert run.sample(3).shape == (3, 1, 16, 16)


# What may go wrong in the middle.


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_divergence_leaves_the_last_good_checkpoint(
    optimizer: str,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    saved: Callable[..., dict[str, Any]],
    measurements: Callable[[Path], list[Any]],
    at: Callable[..., Observer],
) -> None:
    path = tmp_path / "run"
    config = run_config("vae", steps=50, checkpoint_every=1, log_every=1, optimizer=optimizer)
    prepared = prepare(config, path, registry=registry)

    def explode() -> None:
        for engine in prepared.session.engine.optimizers.values():
            engine.param_groups[0]["lr"] = 1e30

    with pytest.raises(NonFiniteLossError, match="--learning-rate") as caught:
        prepared.run([at(2, explode)])
    assert "\n" not in str(caught.value)
    steps = saved(path)["/engine/steps"]
    assert 2 <= steps < 50
    assert all(value.isfinite().all() for value in RunFolder.open(path).checkpoints.load_weights().values())
    assert load_run(path, device="cpu", registry=registry).sample(3).isfinite().all()
    assert all(np.isfinite(value) for row in measurements(path) for value in row.values())
    assert prepare_resumed(path, registry=registry).session.steps == steps


def test_a_learning_rate_that_is_much_too_high_is_noticed(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(NonFiniteLossError):
        train(run_config(steps=40, optimizer="sgd", learning_rate=1e20), tmp_path / "run", registry=registry)


def test_a_full_disk_is_explained_and_mended(
    run_config: Callable[..., RunConfig],
    registry: Registry,
    trained_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    saved: Callable[..., dict[str, Any]],
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
) -> None:
    path = tmp_path / "run"
    syncs: list[int] = []

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) > 20:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        with pytest.raises(RunFolderError, match=r"cannot save a checkpoint.*: No space left.*--resume") as caught:
            train(run_config(), path, registry=registry)
    assert "\n" not in str(caught.value)
    assert 0 < saved(path)["/engine/steps"] < 6
    prepare_resumed(path, registry=registry).run()
    assert_same(path, trained_path)
    assert measurements(path) == measurements(trained_path)


def test_a_folder_without_permission(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunFolderError, match="Permission denied; choose a folder that you may write to") as caught:
        train(run_config(), tmp_path / "a" / "run", registry=registry)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


# Signals.


def test_asked_twice_it_leaves_at_once(
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    saved: Callable[..., dict[str, Any]],
    at: Callable[..., Observer],
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def insist() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(run_config(), tmp_path / "run", observers=[at(3, insist)], registry=registry)
    assert saved(tmp_path / "run")["/engine/steps"] < 6
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_thread_can_train_too(
    run_config: Callable[..., RunConfig],
    registry: Registry,
    trained_path: Path,
    tmp_path: Path,
    assert_same: Callable[..., None],
    at: Callable[..., Observer],
) -> None:
    handlers: list[Any] = []
    observer = at(2, lambda: handlers.append(signal.getsignal(signal.SIGTERM)))
    prepared = prepare(run_config(), tmp_path / "run", registry=registry)
    thread = threading.Thread(target=prepared.run, args=([observer],))
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]
    assert_same(tmp_path / "run", trained_path)


PROGRAM = """
import sys
import torch
from priorkit import Observer, RunConfig
from priorkit.runs import prepare
torch.set_num_threads(1)

class Wait(Observer):
    def stepped(self, session):
        if session.steps == 3:
            print("ready", flush=True)
            sys.stdin.readline()

outcome = prepare(RunConfig.model_validate_json(sys.argv[1]), sys.argv[2]).run([Wait()])
print(outcome.stopped, outcome.steps, flush=True)
"""


@pytest.mark.whole
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_signals_stop_a_process_with_a_checkpoint(
    number: signal.Signals,
    tmp_path: Path,
    saved: Callable[..., dict[str, Any]],
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
    write_images: Callable[..., None],
) -> None:
    """Ctrl-C or SIGTERM in a process of its own; it goes on here to the run that nobody stopped."""
    write_images(tmp_path / "images.npz", 30)
    config = RunConfig(
        dataset="npz",
        data_dir=tmp_path / "images.npz",
        networks={"name": "mlp", "hidden": 8},
        code_dim=4,
        batch_size=6,
        steps=5,
        log_every=2,
        checkpoint_every=100,
        device="cpu",
        precision="float32",
    )
    path = tmp_path / "stopped"
    command = [sys.executable, "-c", PROGRAM, config.model_dump_json(), str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        priorkit.train(config, tmp_path / "whole")
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        process.send_signal(number)
        process.stdin.write("\n")
        process.stdin.flush()
        output, errors = process.communicate(timeout=60)
    reason = "interrupted" if number == signal.SIGINT else "terminated"
    assert (output, process.returncode) == (f"{reason} 3\n", 0), errors
    assert saved(path)["/engine/steps"] == 3
    assert prepare_resumed(path).run().steps == 5
    assert_same(path, tmp_path / "whole")
    assert measurements(path) == measurements(tmp_path / "whole")
