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
from torch import Tensor

import priorkit
from priorkit.config import RunConfig, resolve_config
from priorkit.errors import ConfigurationError, DataError, NonFiniteLossError, RunFolderError, UnknownComponentError
from priorkit.plugins import Registry, installed_plugins
from priorkit.runs import RunFolder, load_run, prepare, prepare_resumed, read_metrics, train
from priorkit.training import Observer, Session


def flattened(state: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(state, dict | list | tuple):
        items = state.items() if isinstance(state, dict) else enumerate(state)
        return {key: value for name, item in items for key, value in flattened(item, f"{prefix}/{name}").items()}
    return {prefix: state}


def saved(path: Path, name: str = "last") -> dict[str, Any]:
    """Everything in a checkpoint but times and limits, which may differ between runs that are the same."""
    checkpoints = RunFolder.open(path).checkpoints
    everything = {**checkpoints.load_weights(name), **flattened(checkpoints.load_state(name))}
    free = ("/seconds", "/config/steps", "/config/max_time", "/config/epochs")
    return {key: value for key, value in everything.items() if key not in free}


def assert_same(first: Path, second: Path, name: str = "last") -> None:
    mine, theirs = saved(first, name), saved(second, name)
    assert mine.keys() == theirs.keys()
    for key, value in mine.items():
        same = torch.equal(value, theirs[key]) if isinstance(value, Tensor) else value == theirs[key]
        assert same, key


def measurements(path: Path) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_metrics(RunFolder.open(path))]


def pictures(path: Path) -> dict[str, bytes]:
    return {picture.name: picture.read_bytes() for picture in RunFolder.open(path).samples.iterdir()}


class At(Observer):
    """Does something after a step."""

    def __init__(self, step: int, action: Callable[[], Any]) -> None:
        self.step = step
        self.action = action

    def stepped(self, session: Session) -> None:
        if session.steps == self.step:
            self.action()


# New runs.


def test_a_run_leaves_everything_in_its_folder(trained_path: Path, contents_of: Callable[[Path], Any]) -> None:
    entries = contents_of(trained_path)
    assert {key for key in entries if "/" not in key and not key.startswith("events")} == {
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
    trained_path: Path, run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
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
    with pytest.raises(RunFolderError, match="exists already"):
        prepare(run_config(), run_path, registry=registry)
    # Also if it is taken between preparing and running.
    prepared = prepare(run_config(), tmp_path / "late", registry=registry)
    shutil.copytree(run_path, tmp_path / "late")
    with pytest.raises(RunFolderError, match="exists already"):
        prepared.run()
    assert contents_of(run_path) == contents_of(tmp_path / "late") == before


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


def test_observers_are_told(run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path) -> None:
    told: list[int] = []
    observers = [At(step, lambda step=step: told.append(step)) for step in (1, 2)]
    run = train(run_config(steps=2), tmp_path / "run", observers=observers, registry=registry)
    assert told == [1, 2]
    assert run.sample(3).shape == (3, 1, 16, 16)


# Runs that go on.


@pytest.mark.parametrize("recipe", ["learned", "aae", "vae"])
@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_run_that_was_stopped_goes_on_to_be_the_same(
    recipe: str, step: int, run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    config = run_config(recipe, steps=6)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    prepare(config, whole, registry=registry).run()
    stop = At(step, lambda: signal.raise_signal(signal.SIGTERM))
    assert prepare(config, parts, registry=registry).run([stop]).stopped == "terminated"
    assert saved(parts)["/engine/steps"] == step
    torch.manual_seed(step)
    outcome = prepare_resumed(parts, registry=registry).run()
    assert (outcome.stopped, outcome.steps) == (None, 6)
    assert_same(parts, whole)
    assert_same(parts, whole, "best")
    assert measurements(parts) == measurements(whole)
    assert pictures(parts) == pictures(whole)


@pytest.mark.parametrize("kill_at", [3, 5])
def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(
    kill_at: int, run_config: Callable[..., RunConfig], registry: Registry, trained_path: Path, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    path = tmp_path / "run"
    with pytest.raises(Killed):
        prepare(run_config(), path, registry=registry).run([At(kill_at, kill)])
    # Lines and pictures of steps after that checkpoint, which are done again, as a crash may leave them.
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "images": 30, "seconds": 1.0, "loss/a": 1.0}\n{"step": 5, "ima')
    (path / "samples" / "samples-00000005.png").write_bytes(b"half")
    prepare_resumed(path, registry=registry).run()
    assert_same(path, trained_path)
    assert measurements(path) == measurements(trained_path)
    assert pictures(path) == pictures(trained_path)


def test_a_run_can_be_prolonged(
    run_path: Path, run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    long = tmp_path / "long"
    prepare(run_config(steps=9), long, registry=registry).run()
    outcome = prepare_resumed(run_path, {"steps": 9}, registry=registry).run()
    assert outcome.steps == 9
    assert_same(run_path, long)
    assert measurements(run_path) == measurements(long)


def test_a_run_stopped_while_it_is_prolonged_goes_on_towards_its_new_limit(run_path: Path, registry: Registry) -> None:
    stop = At(7, lambda: signal.raise_signal(signal.SIGINT))
    outcome = prepare_resumed(run_path, {"steps": 9}, registry=registry).run([stop])
    assert (outcome.stopped, outcome.steps) == ("interrupted", 7)
    assert prepare_resumed(run_path, registry=registry).run().steps == 9


def test_a_new_limit_replaces_the_old_ones(run_path: Path, registry: Registry) -> None:
    config = prepare_resumed(run_path, {"epochs": 3.0}, registry=registry).config
    assert (config.steps, config.epochs, config.max_time) == (None, 3.0, None)
    config = prepare_resumed(run_path, {"steps": None, "max_time": "2m", "device": None}, registry=registry).config
    assert (config.steps, config.epochs, config.max_time, config.device) == (None, None, 120.0, "cpu")
    config = prepare_resumed(run_path, {"device": "cpu", "steps": None}, registry=registry).config
    assert config.steps == 6


def test_a_finished_run_stays_as_it_is(run_path: Path, registry: Registry) -> None:
    before, rows = saved(run_path), measurements(run_path)
    outcome = prepare_resumed(run_path, registry=registry).run()
    assert (outcome.stopped, outcome.steps) == (None, 6)
    assert measurements(run_path) == rows
    assert saved(run_path).keys() == before.keys()


def test_the_best_score_survives_whatever_the_last_review_brings(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    """The review at the end may come after the checkpoint of the same step, and be the best."""

    class Better(Observer):
        def reviewed(self, session: Session, review: Any) -> None:
            review.scores["sample_distance"] = 1.0 / session.steps

    config = run_config(steps=4, checkpoint_every=4, sample_every=3)
    outcome = prepare(config, tmp_path / "run", registry=registry).run([Better()])
    assert outcome.best == {"score": 0.25, "step": 4.0}
    assert prepare_resumed(tmp_path / "run", registry=registry).session.best == outcome.best
    assert_same(tmp_path / "run", tmp_path / "run", "best")
    assert saved(tmp_path / "run", "best")["/engine/steps"] == 4


def test_resuming_writes_nothing_before_it_runs(
    run_path: Path, registry: Registry, contents_of: Callable[[Path], Any]
) -> None:
    before = contents_of(run_path)
    prepare_resumed(run_path, {"steps": 9}, registry=registry)
    assert contents_of(run_path) == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("learning_rate = 0.01", "learning_rate = 0.02", "learning_rate was 0.01 and is now 0.02"),
        ("noise_dim = 64", "noise_dim = 32", "prior was"),
        ("seed = 0", "seed = 1", "seed was 0 and is now 1"),
    ],
)
def test_a_changed_configuration_is_refused(
    old: str, new: str, message: str, folder: RunFolder, registry: Registry, contents_of: Callable[[Path], Any]
) -> None:
    text = folder.config.read_text()
    assert old in text
    folder.config.write_text(text.replace(old, new))
    before = contents_of(folder.path)
    with pytest.raises(ConfigurationError, match=f"was changed since the run started: {message}") as caught:
        prepare_resumed(folder.path, registry=registry)
    assert "\n" not in str(caught.value)
    assert contents_of(folder.path) == before


@pytest.mark.parametrize("changes", [{"learning_rate": 0.5}, {"steps": 9, "prior": "gaussian"}, {"stepz": 9}])
def test_a_change_that_would_make_another_run_is_refused(
    changes: dict[str, Any], run_path: Path, registry: Registry
) -> None:
    with pytest.raises(ConfigurationError, match="--resume goes on with the run as it was configured") as caught:
        prepare_resumed(run_path, changes, registry=registry)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"steps": 0}, {"max_time": "soon"}, {"device": "gpu"}])
def test_a_wrong_new_limit_is_refused(changes: dict[str, Any], run_path: Path, registry: Registry) -> None:
    with pytest.raises(ConfigurationError):
        prepare_resumed(run_path, changes, registry=registry)


def test_what_is_no_run_cannot_go_on(folder: RunFolder, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no such folder"):
        prepare_resumed(tmp_path / "nowhere", registry=registry)
    shutil.rmtree(folder.checkpoints.folder)
    with pytest.raises(RunFolderError, match="no checkpoint 'last'"):
        prepare_resumed(folder.path, registry=registry)


def test_a_plugin_that_is_gone_is_named(run_path: Path) -> None:
    with pytest.raises(UnknownComponentError, match=r"networks 'normed' of priorkit-tests 1\.0"):
        prepare_resumed(run_path, registry=installed_plugins())


@pytest.mark.parametrize("part", ["weights", "optimizer"])
def test_a_checkpoint_that_does_not_fit_is_refused(part: str, folder: RunFolder, registry: Registry) -> None:
    """As after an update of a plug-in that changed its networks."""
    weights, state = folder.checkpoints.load_weights(), folder.checkpoints.load_state()
    if part == "weights":
        key = next(key for key in weights if key.startswith("encoder/"))
        weights[key] = torch.zeros(3)
    else:
        state["engine"]["optimizers"]["decoder"]["param_groups"][0]["params"] = [0]
    folder.checkpoints.save(6, weights, state, ["last"])
    with pytest.raises(RunFolderError, match="does not fit the networks") as caught:
        prepare_resumed(folder.path, registry=registry)
    assert "\n" not in str(caught.value)


def write_images(path: Path, n: int, value: int = 0) -> None:
    images = np.random.default_rng(0).integers(0, 255, (n, 16, 16), dtype=np.uint8)
    images[0, 0, 0] = value
    np.savez(path, images=images)


@pytest.mark.parametrize(("n", "value"), [(31, 0), (30, 1)])
def test_other_data_is_refused(
    n: int, value: int, run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    write_images(tmp_path / "images.npz", 30)
    config = run_config(dataset="npz", data_dir=str(tmp_path / "images.npz"), steps=2)
    train(config, tmp_path / "run", registry=registry)
    assert prepare_resumed(tmp_path / "run", {"steps": 3}, registry=registry).session.steps == 2
    write_images(tmp_path / "images.npz", n, value)
    with pytest.raises(ConfigurationError, match="the data set is not the one that") as caught:
        prepare_resumed(tmp_path / "run", {"steps": 3}, registry=registry)
    assert "\n" not in str(caught.value)


# What may go wrong in the middle.


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_divergence_leaves_the_last_good_checkpoint(
    optimizer: str, run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    config = run_config("vae", steps=50, checkpoint_every=1, log_every=1, optimizer=optimizer)
    prepared = prepare(config, path, registry=registry)

    def explode() -> None:
        for engine in prepared.session.engine.optimizers.values():
            engine.param_groups[0]["lr"] = 1e30

    with pytest.raises(NonFiniteLossError, match="--learning-rate") as caught:
        prepared.run([At(2, explode)])
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
) -> None:
    path = tmp_path / "run"
    syncs: list[int] = []

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) > 12:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        with pytest.raises(RunFolderError, match="cannot save a checkpoint: No space left.*--resume") as caught:
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
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def insist() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(run_config(), tmp_path / "run", observers=[At(3, insist)], registry=registry)
    assert saved(tmp_path / "run")["/engine/steps"] < 6
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_thread_can_train_too(
    run_config: Callable[..., RunConfig], registry: Registry, trained_path: Path, tmp_path: Path
) -> None:
    handlers: list[Any] = []
    observer = At(2, lambda: handlers.append(signal.getsignal(signal.SIGTERM)))
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


def test_signals_stop_a_process_with_a_checkpoint(tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM in processes of their own; both go on here to the run that nobody stopped."""
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
    processes = {
        number: subprocess.Popen(
            [sys.executable, "-c", PROGRAM, config.model_dump_json(), str(tmp_path / number.name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    priorkit.train(config, tmp_path / "whole")
    for number, process in processes.items():
        with process:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            process.send_signal(number)
            process.stdin.write("\n")
            process.stdin.flush()
            output, errors = process.communicate(timeout=60)
        reason = "interrupted" if number == signal.SIGINT else "terminated"
        assert (output, process.returncode) == (f"{reason} 3\n", 0), errors
        path = tmp_path / number.name
        assert saved(path)["/engine/steps"] == 3
        assert prepare_resumed(path).run().steps == 5
        assert_same(path, tmp_path / "whole")
        assert measurements(path) == measurements(tmp_path / "whole")
