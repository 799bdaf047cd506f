import contextlib
import json
import threading
import time
import warnings
from types import SimpleNamespace

import pytest

import priorkit
from priorkit.errors import NonFiniteLossError, TrackingWarning
from priorkit.evaluation import Score
from priorkit.runs import periodic_evaluation, prepare, prepare_resumed, read_metrics
from priorkit.tracking import Tracker, kept_identities, tracking
from priorkit.training import Observer

SETTINGS = {"steps": 6, "log_every": 2, "sample_every": 3, "checkpoint_every": 2}


class Remembering(Tracker):
    """Remembers what it is told, and fails where it is asked to."""

    def __init__(self, fails_in=()):
        self.fails_in = fails_in
        self.values = {}
        self.pictures = {}
        self.runs = []
        self.ends = []
        self.threads = set()

    def _in(self, method):
        self.threads.add(threading.current_thread())
        if method in self.fails_in:
            raise ConnectionError(f"no network\nin {method}")

    def start(self, run):
        self.runs.append(run)
        self._in("start")
        return {"id": f"{run.name}-{len(self.runs)}"}

    def log(self, values, step):
        self._in("log")
        for name, value in values.items():
            self.values.setdefault(name, []).append((step, value))

    def show(self, pictures, step):
        self._in("show")
        self.pictures[step] = {name: picture.size for name, picture in pictures.items()}

    def finish(self, *, complete):
        self._in("finish")
        self.ends.append(complete)


@pytest.fixture
def tracker(monkeypatch):
    made = Remembering()
    monkeypatch.setattr(tracking, "build_tracker", lambda name: made)
    return made


@pytest.fixture
def quick_scores(monkeypatch):
    """Evaluations that take no time."""
    extractor = SimpleNamespace(prepare=lambda data: None)
    monkeypatch.setattr(periodic_evaluation, "build_extractor", lambda *given: extractor)
    monkeypatch.setattr(periodic_evaluation, "evaluate_model", lambda *given, **more: [Score("a-score", "a", 7.0)])


@pytest.mark.usefixtures("quick_scores")
def test_everything_is_told(tracker, tiny_config, registry, tmp_path):
    run = prepare(tiny_config(**SETTINGS, evaluate_every=3, evaluate_samples=4), tmp_path / "run", registry=registry)
    run.run(track=["wandb"])
    (tracked,) = tracker.runs
    assert (tracked.name, tracked.steps, tracked.identity) == ("run", 0, {})
    assert tracked.settings["prior"]["name"] == "learned"
    told = {(step, name): value for name, rows in tracker.values.items() for step, value in rows}
    for row in read_metrics(priorkit.runs.RunFolder(tmp_path / "run")):
        for name, value in row.items():
            if name not in ("step", "images", "seconds"):
                assert told[row["step"], name] == value, name
    kinds = {name.partition("/")[0] for name in tracker.values}
    assert kinds >= {"loss", "learning_rate", "held_out", "indicator", "score"}
    assert [value for _, value in tracker.values["learning_rate/encoder"]] == [0.01] * 3
    assert list(tracker.pictures) == [3, 6]
    assert set(tracker.pictures[6]) == {"samples", "originals", "reconstructions"}
    assert tracker.ends == [True]
    assert {thread.name for thread in tracker.threads} == {"priorkit-wandb"}


def test_a_run_that_goes_on_is_followed_under_its_identity(tracker, tiny_config, registry, tmp_path):
    prepare(tiny_config(**SETTINGS), tmp_path / "run", registry=registry).run(track=["wandb"])
    prepare_resumed(tmp_path / "run", {"steps": 8}, registry=registry).run()
    assert tracker.runs[1].identity == {"id": "run-1"}
    assert tracker.runs[1].steps == 6
    assert [step for step, _ in tracker.values["loss/autoencoder/reconstruction"]] == [2, 4, 6, 8]
    prepare_resumed(tmp_path / "run", {"steps": 10}, registry=registry).run(track=[])
    assert len(tracker.runs) == 2


@pytest.mark.parametrize("method", ["start", "log", "show", "finish"])
def test_a_tracker_that_fails_is_told_once(tracker, tiny_config, registry, tmp_path, method, measurements, monkeypatch):
    tracker.fails_in = (method,)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prepare(tiny_config(**SETTINGS), tmp_path / "run", registry=registry).run(track=["mlflow"])
    (warning,) = [item for item in caught if issubclass(item.category, TrackingWarning)]
    assert str(warning.message) == (
        "the tracker 'mlflow' has failed, and the training continues without it: no network in " + method
    )
    prepare(tiny_config(**SETTINGS), tmp_path / "other", registry=registry).run()
    assert measurements(tmp_path / "run") == measurements(tmp_path / "other")


def test_what_a_tracker_has_found_is_told_once(tracker, tiny_config, registry, tmp_path):
    tracker.notice = "there is\nno such run"
    with pytest.warns(TrackingWarning) as warned:
        prepare(tiny_config(**SETTINGS), tmp_path / "run", registry=registry).run(track=["mlflow"])
    assert [str(item.message) for item in warned if item.category is TrackingWarning] == [
        "the tracker 'mlflow': there is no such run"
    ]
    assert tracker.ends == [True]


def test_a_tracker_that_hangs_holds_nothing_up(tracker, tiny_config, registry, tmp_path, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(tracker, "finish", lambda complete: released.wait(20))
    monkeypatch.setattr(tracking, "_PATIENCE", 0.05)
    with pytest.warns(TrackingWarning, match=r"not finished after 0\.05 seconds"):
        prepare(tiny_config(**SETTINGS), tmp_path / "run", registry=registry).run(track=["wandb"])
    released.set()


@pytest.mark.parametrize("fails", [False, True])
def test_trackers_that_hang_have_one_minute_together(tiny_config, registry, tmp_path, monkeypatch, fails):
    released = threading.Event()
    made = {name: Remembering() for name in ("wandb", "mlflow", "comet")}
    monkeypatch.setattr(tracking, "build_tracker", made.__getitem__)
    monkeypatch.setattr(tracking, "_PATIENCE", 1.0)
    waited = []
    for name in ("wandb", "comet"):
        monkeypatch.setattr(made[name], "finish", lambda complete: waited.append(time.monotonic()) or released.wait(20))

    class Failing(Observer):
        def stepped(self, session):
            if fails:
                raise NonFiniteLossError("a loss is not a number")

    run = prepare(tiny_config(**SETTINGS), tmp_path / "run", registry=registry)
    failure = pytest.raises(NonFiniteLossError) if fails else contextlib.nullcontext()
    with pytest.warns(TrackingWarning, match="not finished after 1 seconds") as warned, failure:
        run.run([Failing()], list(made))
    # Both were told to finish before either was waited for, and the third one, which does not hang, is done.
    assert len(waited) == 2
    assert max(waited) - min(waited) < 1.0
    assert made["mlflow"].ends == [not fails]
    assert sorted(str(item.message).split("'")[1] for item in warned) == ["comet", "wandb"]
    released.set()


@pytest.mark.usefixtures("tracker")
def test_folders_of_this_machine_are_not_told(tracker, tiny_config, registry, tmp_path):
    config = tiny_config(**SETTINGS).model_copy(update={"data_dir": tmp_path / "ann" / "images"})
    prepare(config, tmp_path / "run", registry=registry).run(track=["wandb"])
    (tracked,) = tracker.runs
    assert tracked.settings["data_dir"] == "images"
    assert str(tmp_path) not in json.dumps(tracked.settings)


def test_training_that_fails_is_not_complete(tracker, tiny_config, registry, tmp_path):
    class Failing(Observer):
        def stepped(self, session):
            raise NonFiniteLossError("a loss is not a number")

    with pytest.raises(NonFiniteLossError):
        prepare(tiny_config(**SETTINGS), tmp_path / "run", registry=registry).run([Failing()], ["wandb"])
    assert tracker.ends == [False]


def test_who_cannot_be_remembered_is_told(tracker, tiny_config, registry, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_identities, "write_whole", full)
    with pytest.warns(TrackingWarning, match="No space left"):
        prepare(tiny_config(**SETTINGS), tmp_path / "run", registry=registry).run(track=["wandb"])


def test_wrong_names_are_refused_before_anything_is_read(tiny_config, registry, tmp_path):
    with pytest.raises(priorkit.PriorkitError, match="no such tracker"):
        priorkit.train(tiny_config(), tmp_path / "run", track="nothing", registry=registry)
    assert not (tmp_path / "run").exists()
