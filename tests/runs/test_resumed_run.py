"""Runs that go on after they were stopped, killed or complete, and runs that must not."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError, RunFolderError, UnknownComponentError
from priorkit.plugins import Registry, installed_plugins
from priorkit.runs import RunFolder, prepare, prepare_resumed, train
from priorkit.training import Observer, Session


@pytest.mark.parametrize("recipe", ["learned", "aae", "vae"])
@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_run_that_was_stopped_goes_on_to_be_the_same(
    recipe: str,
    step: int,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    saved: Callable[..., dict[str, Any]],
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
    pictures: Callable[[Path], Any],
    at: Callable[..., Observer],
) -> None:
    config = run_config(recipe, steps=6)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    prepare(config, whole, registry=registry).run()
    stop = at(step, lambda: signal.raise_signal(signal.SIGTERM))
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
    kill_at: int,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    trained_path: Path,
    tmp_path: Path,
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
    pictures: Callable[[Path], Any],
    at: Callable[..., Observer],
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    path = tmp_path / "run"
    with pytest.raises(Killed):
        prepare(run_config(), path, registry=registry).run([at(kill_at, kill)])
    # Lines and pictures of steps after that checkpoint, which are done again, as a crash may leave them.
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "images": 30, "seconds": 1.0, "loss/a": 1.0}\n{"step": 5, "ima')
    (path / "samples" / "samples-00000005.png").write_bytes(b"half")
    prepare_resumed(path, registry=registry).run()
    assert_same(path, trained_path)
    assert measurements(path) == measurements(trained_path)
    assert pictures(path) == pictures(trained_path)


def test_a_run_can_be_prolonged(
    run_path: Path,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
) -> None:
    long = tmp_path / "long"
    prepare(run_config(steps=9), long, registry=registry).run()
    outcome = prepare_resumed(run_path, {"steps": 9}, registry=registry).run()
    assert outcome.steps == 9
    assert_same(run_path, long)
    assert measurements(run_path) == measurements(long)


def test_a_run_stopped_while_it_is_prolonged_goes_on_towards_its_new_limit(
    run_path: Path, registry: Registry, at: Callable[..., Observer]
) -> None:
    stop = at(7, lambda: signal.raise_signal(signal.SIGINT))
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


def test_a_finished_run_stays_as_it_is(
    run_path: Path, registry: Registry, saved: Callable[..., dict[str, Any]], measurements: Callable[[Path], list[Any]]
) -> None:
    before, rows = saved(run_path), measurements(run_path)
    outcome = prepare_resumed(run_path, registry=registry).run()
    assert (outcome.stopped, outcome.steps) == (None, 6)
    assert measurements(run_path) == rows
    assert saved(run_path).keys() == before.keys()


def test_the_best_score_survives_whatever_the_last_review_brings(
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    saved: Callable[..., dict[str, Any]],
    assert_same: Callable[..., None],
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


@pytest.mark.parametrize(("n", "value"), [(31, 0), (30, 1)])
def test_other_data_is_refused(
    n: int,
    value: int,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    write_images: Callable[..., None],
) -> None:
    write_images(tmp_path / "images.npz", 30)
    config = run_config(dataset="npz", data_dir=str(tmp_path / "images.npz"), steps=2)
    train(config, tmp_path / "run", registry=registry)
    assert prepare_resumed(tmp_path / "run", {"steps": 3}, registry=registry).session.steps == 2
    write_images(tmp_path / "images.npz", n, value)
    with pytest.raises(ConfigurationError, match="the data set is not the one that") as caught:
        prepare_resumed(tmp_path / "run", {"steps": 3}, registry=registry)
    assert "\n" not in str(caught.value)
