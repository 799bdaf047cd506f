"""Runs that go on after they were stopped, killed or complete, and runs that must not."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig
from priorkit.errors import (
    ConfigurationError,
    DeviceError,
    RunFolderError,
    RunFolderWarning,
    UnknownComponentError,
)
from priorkit.registry import Registry, installed_plugins
from priorkit.runs import RunFolder, load_run, prepare, prepare_resumed, train
from priorkit.runs.report import write_report
from priorkit.training import Observer, Session
from quick_choices import each_component


@pytest.mark.parametrize(
    ("recipe", "step"),
    [*each_component(3), *((name, at) for name in ("learned", "vae") for at in (1, 5))],
)
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
    # The last step may be a stage that takes all codes at once, and then there are fewer.
    ends_at_once = any(stage.get("steps") == 1 for stage in registry.recipe(recipe).settings.get("stages", ()))
    config = run_config(recipe, steps=3 if ends_at_once else 6)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    steps = prepare(config, whole, registry=registry).run().steps
    step = min(step, steps - 1)
    stop = at(step, lambda: signal.raise_signal(signal.SIGTERM))
    assert prepare(config, parts, registry=registry).run([stop]).stopped == "terminated"
    assert saved(parts)["/engine/steps"] == step
    torch.manual_seed(step)
    outcome = prepare_resumed(parts, registry=registry).run()
    assert (outcome.stopped, outcome.steps) == (None, steps)
    assert_same(parts, whole)
    assert_same(parts, whole, "best")
    assert measurements(parts) == measurements(whole)
    assert pictures(parts) == pictures(whole)
    samples = [load_run(path, registry=registry).sample(3, seed=1) for path in (parts, whole)]
    assert samples[0].shape == (3, 1, 16, 16)
    assert torch.equal(*samples)


@pytest.mark.parametrize("kill_at", [3, 5])
def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(
    kill_at: int,
    registry: Registry,
    trained_path: Path,
    tmp_path: Path,
    train_killed: Callable[[Path, int], None],
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
    pictures: Callable[[Path], Any],
) -> None:
    path = tmp_path / "run"
    train_killed(path, kill_at)
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


def test_a_run_whose_pictures_were_removed_goes_on(run_path: Path, registry: Registry) -> None:
    shutil.rmtree(run_path / "samples")
    prepare_resumed(run_path, {"steps": 7}, registry=registry).run()
    assert [path.name for path in sorted((run_path / "samples").iterdir())] == [
        "reconstructions-00000007.png",
        "samples-00000007.png",
    ]


def test_a_new_limit_replaces_the_old_ones(run_path: Path, registry: Registry) -> None:
    config = prepare_resumed(run_path, {"epochs": 3.0}, registry=registry).config
    assert (config.steps, config.epochs, config.max_time) == (None, 3.0, None)
    config = prepare_resumed(run_path, {"steps": None, "max_time": "2m", "device": None}, registry=registry).config
    assert (config.steps, config.epochs, config.max_time, config.device) == (None, None, 120.0, "cpu")
    config = prepare_resumed(run_path, {"device": "cpu", "steps": 8}, registry=registry).config
    assert config.steps == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"has reached its limit \(6 steps, .*\); prolong it with --steps"),
        ({"device": "cpu"}, "has reached its limit"),
        ({"steps": 1}, "has 6 steps already; --steps counts from the start: use --steps M with M > 6"),
        ({"steps": 6}, "use --steps M with M > 6"),
        ({"epochs": 0.5}, "has 6 steps and .* of training already; .*--epochs.* from the start"),
        ({"max_time": 1e-6}, "of training already; .*--max-time count from the start"),
    ],
)
def test_a_run_at_its_limit_stays_as_it_is(
    changes: dict[str, Any], message: str, run_path: Path, registry: Registry, contents_of: Callable[[Path], Any]
) -> None:
    before = contents_of(run_path)
    with pytest.raises(ConfigurationError, match=message) as caught:
        prepare_resumed(run_path, changes, registry=registry)
    assert "\n" not in str(caught.value)
    assert contents_of(run_path) == before


def test_a_run_stopped_at_its_last_step_still_gets_its_last_review(
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    at: Callable[..., Observer],
    measurements: Callable[[Path], list[Any]],
) -> None:
    config = run_config(steps=5)
    stop = at(5, lambda: signal.raise_signal(signal.SIGTERM))
    assert prepare(config, tmp_path / "parts", registry=registry).run([stop]).stopped == "terminated"
    assert prepare_resumed(tmp_path / "parts", registry=registry).run().stopped is None
    prepare(config, tmp_path / "whole", registry=registry).run()
    assert measurements(tmp_path / "parts") == measurements(tmp_path / "whole")


def test_the_precision_that_was_chosen_automatically_stays(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    """As if the run had been started on a machine that chooses otherwise."""
    path = tmp_path / "run"
    chosen = train(run_config(steps=1, precision="auto"), path, registry=registry).environment["precision"]
    other = "float32" if chosen == "bfloat16" else "bfloat16"
    text = (path / "environment.json").read_text()
    (path / "environment.json").write_text(text.replace(f'"precision": "{chosen}"', f'"precision": "{other}"'))
    resumed = prepare_resumed(path, {"steps": 2}, registry=registry)
    assert resumed.session.precision.name == other
    assert resumed.run().steps == 2
    assert RunFolder.open(path).read_config().precision == "auto"
    assert prepare_resumed(path, {"steps": 3}, registry=registry).session.precision.name == other


def test_a_damaged_line_of_metrics_is_refused_before_anything_is_lost(
    folder: RunFolder, registry: Registry, contents_of: Callable[[Path], Any]
) -> None:
    lines = folder.metrics.read_text().splitlines()
    folder.metrics.write_text("\n".join([lines[0], "my note", *lines[1:]]) + "\n")
    before = contents_of(folder.path)
    with pytest.raises(RunFolderError, match=r"line 2 of '.*metrics\.jsonl' is not a measurement.*my note") as caught:
        prepare_resumed(folder.path, {"steps": 7}, registry=registry)
    assert "\n" not in str(caught.value)
    assert contents_of(folder.path) == before


@pytest.mark.parametrize("state", [{"other": 1}, {"config": 3}, {"config": {"stepz": 1}}, [1]])
def test_a_state_that_is_none_of_a_run_is_an_error_of_one_line(
    state: Any, folder: RunFolder, registry: Registry, without_checksums: Callable[[RunFolder], None]
) -> None:
    without_checksums(folder)
    shutil.rmtree(folder.checkpoints.folder / "step-00000004")
    torch.save(state, folder.checkpoints.path() / "state.pt")
    with pytest.raises(RunFolderError, match=r"checkpoint .*restore") as caught:
        prepare_resumed(folder.path, {"steps": 7}, registry=registry)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["engine", "averages", "seconds", "best"])
@pytest.mark.parametrize("value", [None, 3.5, "text", {}])
def test_a_state_with_a_damaged_part_is_one_line_or_goes_on(
    part: str,
    value: Any,
    folder: RunFolder,
    registry: Registry,
    without_checksums: Callable[[RunFolder], None],
) -> None:
    without_checksums(folder)
    state = folder.checkpoints.load_state()
    torch.save({**state, part: value}, folder.checkpoints.path() / "state.pt")
    if (part, value) in (("seconds", 3.5), ("best", {})):
        assert prepare_resumed(folder.path, {"steps": 7}, registry=registry).session.steps == 6
        return
    with pytest.raises(RunFolderError, match="does not fit the networks") as caught:
        prepare_resumed(folder.path, {"steps": 7}, registry=registry)
    assert "\n" not in str(caught.value)


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
    assert prepare_resumed(tmp_path / "run", {"steps": 5}, registry=registry).session.best == outcome.best
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
        ("batch_size = 6", "batch_size = 5", "batch_size was 6 and is now 5"),
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


@pytest.mark.parametrize("changes", [{"beta1": 0.4}, {"steps": 9, "prior": "gaussian"}, {"stepz": 9}])
def test_a_change_that_would_make_another_run_is_refused(
    changes: dict[str, Any], run_path: Path, registry: Registry
) -> None:
    with pytest.raises(ConfigurationError, match="--resume keeps the run's configuration") as caught:
        prepare_resumed(run_path, changes, registry=registry)
    assert "\n" not in str(caught.value)


def test_what_only_changes_the_speed_may_change(run_path: Path, registry: Registry) -> None:
    assert not prepare_resumed(run_path, {"steps": 9, "compile": False}, registry=registry).config.compile
    with pytest.raises(DeviceError, match=r"--cuda-graphs: .*use --no-cuda-graphs"):
        prepare_resumed(run_path, {"steps": 9, "cuda_graphs": True}, registry=registry)


@pytest.mark.parametrize("changes", [{"steps": 0}, {"max_time": "soon"}, {"device": "gpu"}])
def test_a_wrong_new_limit_is_refused(changes: dict[str, Any], run_path: Path, registry: Registry) -> None:
    with pytest.raises(ConfigurationError):
        prepare_resumed(run_path, changes, registry=registry)


def test_what_is_no_run_cannot_go_on(folder: RunFolder, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no such folder"):
        prepare_resumed(tmp_path / "nowhere", registry=registry)
    (folder.checkpoints.folder / "last.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"last\.json' is damaged; .*; use --checkpoint best, or write"):
        prepare_resumed(folder.path, registry=registry)
    (folder.checkpoints.folder / "last.json").unlink()
    assert prepare_resumed(folder.path, {"steps": 7}, registry=registry).session.steps == 6


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


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(
    registry: Registry,
    trained_path: Path,
    tmp_path: Path,
    train_killed: Callable[[Path, int], None],
    assert_same: Callable[..., None],
    measurements: Callable[[Path], list[Any]],
    pictures: Callable[[Path], Any],
) -> None:
    path = tmp_path / "run"
    train_killed(path, 1)
    # The one of step 0 comes early, but not at once.
    shutil.rmtree(path / "checkpoints")
    with pytest.warns(RunFolderWarning, match=r"no checkpoint.* begins again at step 0"):
        resumed = prepare_resumed(path, registry=registry)
    resumed.run()
    assert_same(path, trained_path)
    assert measurements(path) == measurements(trained_path)
    assert pictures(path) == pictures(trained_path)


def test_a_run_whose_last_checkpoint_is_damaged_goes_on_from_the_one_before(
    run_path: Path, registry: Registry, trained_path: Path, assert_same: Callable[..., None]
) -> None:
    file = RunFolder.open(run_path).checkpoints.path() / "state.pt"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.warns(RunFolderWarning, match=r"state\.pt.* damaged.*step-00000004, the checkpoint before it"):
        resumed = prepare_resumed(run_path, registry=registry)
    assert resumed.run().steps == 6
    assert_same(run_path, trained_path)


def test_a_report_that_a_kill_prevented_is_written_by_going_on(run_path: Path, registry: Registry) -> None:
    report = write_report(RunFolder.open(run_path))
    text = report.read_text(encoding="utf-8")
    for left in (None, text.replace('name="priorkit-step" content="6"', 'name="priorkit-step" content="4"')):
        report.unlink() if left is None else report.write_text(left, encoding="utf-8")
        assert prepare_resumed(run_path, registry=registry).run().steps == 6
        assert report.read_text(encoding="utf-8") == text
    with pytest.raises(ConfigurationError, match="has reached its limit"):
        prepare_resumed(run_path, registry=registry)


@pytest.mark.parametrize("name", ["samples", "checkpoints", ".lock"])
def test_links_in_a_run_are_not_followed(
    name: str, run_path: Path, registry: Registry, tmp_path: Path, contents_of: Callable[[Path], Any]
) -> None:
    """As in a run that somebody has sent."""
    outside = tmp_path / "outside"
    (run_path / name).rename(outside)
    (run_path / name).symlink_to(outside)
    before = contents_of(outside) if outside.is_dir() else outside.read_bytes()
    with pytest.raises(RunFolderError, match=rf"{name}.*it is a link, through which nothing is written; put what"):
        prepare_resumed(run_path, {"steps": 7}, registry=registry).run()
    assert (contents_of(outside) if outside.is_dir() else outside.read_bytes()) == before


@pytest.mark.parametrize("name", ["report.html", "metrics.jsonl", ".metrics.jsonl.draft", "config.toml"])
def test_files_take_the_place_of_links(name: str, run_path: Path, registry: Registry, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes((run_path / name).read_bytes() if (run_path / name).exists() else b"mine")
    before = outside.read_bytes()
    (run_path / name).unlink(missing_ok=True)
    (run_path / name).symlink_to(outside)
    prepare_resumed(run_path, {"steps": 7}, registry=registry).run()
    assert outside.read_bytes() == before
    assert not (run_path / name).is_symlink()
