import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig
from priorkit.data import load_data
from priorkit.errors import RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, read_metrics
from priorkit.runs.recorder import Recorder
from priorkit.training import Session


@pytest.fixture
def session(registry: Registry, run_config: Callable[..., RunConfig]) -> Session:
    config = run_config()
    return Session(config, registry, load_data(config, registry))


@pytest.fixture
def new_folder(tmp_path: Path, session: Session) -> RunFolder:
    return RunFolder.create(tmp_path / "run", session.config, {})


@pytest.fixture
def recorder(new_folder: RunFolder, session: Session) -> Iterator[Recorder]:
    recorder = Recorder(new_folder, session.config)
    recorder.started(session)
    yield recorder
    recorder.close()


def test_measurements_become_lines(recorder: Recorder, session: Session, new_folder: RunFolder) -> None:
    for value in (1.5, 2.5):
        session.step()
        session.seconds = 0.12345
        recorder.measured(session, {"phase/term": value})
    # They can be read while the run goes on.
    assert read_metrics(new_folder) == [
        {"step": 1, "images": 6, "seconds": 0.123, "loss/phase/term": 1.5},
        {"step": 2, "images": 12, "seconds": 0.123, "loss/phase/term": 2.5},
    ]


def test_a_review_becomes_pictures_and_a_line(recorder: Recorder, session: Session, new_folder: RunFolder) -> None:
    session.step()
    review = session.review()
    recorder.reviewed(session, review)
    names = ["reconstructions-00000001.png", "samples-00000001.png"]
    assert sorted(entry.name for entry in new_folder.samples.iterdir()) == names
    (row,) = read_metrics(new_folder)
    assert {key: value for key, value in row.items() if key.startswith("held_out/")} == {
        f"held_out/{key}": value for key, value in review.scores.items()
    }


def test_a_checkpoint_restores_the_session(recorder: Recorder, session: Session, new_folder: RunFolder) -> None:
    session.step()
    recorder.checkpointed(session, ["last", "best"])
    state = new_folder.checkpoints.load_state("best")
    assert state.pop("config") == session.config.model_dump(mode="json")
    assert state["engine"]["images_seen"] == 6
    saved = new_folder.checkpoints.load_weights("best")
    assert all(torch.equal(value, saved[key]) for key, value in session.weights().items())


def test_what_happened_after_the_checkpoint_is_dropped(folder: RunFolder, session: Session) -> None:
    before = read_metrics(folder)
    state = {**session.engine.state_dict(), "steps": 3, "images_seen": 18}
    session.engine.load_state_dict(state)
    recorder = Recorder(folder, session.config)
    recorder.started(session)
    recorder.close()
    assert read_metrics(folder) == [row for row in before if row["step"] <= 3]
    assert {row["step"] for row in before} == {2, 3, 4, 6}
    assert sorted(entry.name for entry in folder.samples.iterdir()) == [
        "reconstructions-00000003.png",
        "samples-00000003.png",
    ]


def test_files_of_others_are_left_alone(folder: RunFolder, session: Session) -> None:
    """Also those whose names look like ours."""
    names = {"figure-2024.png", "samples-2024.png", "my-samples-00000009.png", "samples-00000009.png.bak"}
    for name in names:
        (folder.samples / name).write_bytes(b"mine")
    (folder.samples / "samples-00000009.png").write_bytes(b"ours")
    recorder = Recorder(folder, session.config)
    recorder.started(session)
    recorder.close()
    assert {entry.name for entry in folder.samples.iterdir()} == names


def test_metrics_are_not_replaced_where_a_line_would_be_lost(folder: RunFolder, session: Session) -> None:
    folder.metrics.write_text('3\n{"step": 2, "images": 12, "seconds": 0.1}\n')
    before = folder.metrics.read_bytes()
    with pytest.raises(RunFolderError, match="line 1 of"):
        Recorder(folder, session.config).started(session)
    assert folder.metrics.read_bytes() == before


def test_a_line_that_a_crash_cut_short_is_no_obstacle(folder: RunFolder, session: Session) -> None:
    before = read_metrics(folder)
    with folder.metrics.open("a") as file:
        file.write('{"step": 6, "ima')
    assert read_metrics(folder) == before
    session.engine.load_state_dict({**session.engine.state_dict(), "steps": 6})
    recorder = Recorder(folder, session.config)
    recorder.started(session)
    session.step()
    recorder.measured(session, {"a": 1.0})
    recorder.close()
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert rows[:-1] == before
    assert (rows[-1]["step"], rows[-1]["loss/a"]) == (7, 1.0)


def test_what_is_there_already_is_not_written_again(
    recorder: Recorder, session: Session, new_folder: RunFolder
) -> None:
    session.step()
    review = session.review()
    for _ in range(2):
        recorder.started(session)
        recorder.measured(session, {"a": 1.0})
        recorder.reviewed(session, review)
        recorder.close()
    assert [sorted(row)[:2] for row in read_metrics(new_folder)] == [
        ["images", "loss/a"],
        ["held_out/reconstruction_error", "held_out/sample_distance"],
    ]


def test_tensorboard_gets_the_same_numbers(recorder: Recorder, session: Session, new_folder: RunFolder) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    session.step()
    recorder.measured(session, {"phase/term": 1.5})
    recorder.close()
    events = accumulators.EventAccumulator(str(new_folder.path)).Reload()
    ((step, value),) = [(event.step, event.value) for event in events.Scalars("loss/phase/term")]
    assert (step, value) == (1, 1.5)


def test_works_without_tensorboard(new_folder: RunFolder, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    recorder = Recorder(new_folder, session.config)
    recorder.started(session)
    session.step()
    recorder.measured(session, {"a": 1.0})
    recorder.ended(session, None)
    recorder.close()
    assert len(read_metrics(new_folder)) == 1
    assert not list(new_folder.path.glob("events*"))


@pytest.mark.parametrize("moment", ["opened", "written", "closed"])
def test_tensorboard_errors_of_the_disk_are_explained(
    moment: str, new_folder: RunFolder, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Writer:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._fail("opened")

        def add_scalar(self, *arguments: Any) -> None:
            self._fail("written")

        def close(self) -> None:
            self._fail("closed")

        def _fail(self, now: str) -> None:
            if now == moment:
                raise OSError(28, "No space left on device")

    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    recorder = Recorder(new_folder, session.config)

    def record() -> None:
        recorder.started(session)
        recorder.measured(session, {"a": 1.0})
        recorder.close()

    with pytest.raises(RunFolderError, match=r"No space left on device; free some space"):
        record()
    monkeypatch.undo()
    recorder.close()


@pytest.mark.parametrize("what", ["reviewed", "checkpointed"])
def test_a_full_disk_is_explained(
    what: str, recorder: Recorder, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, *arguments: Any) -> None:
        raise OSError(28, "No space left on device", str(self))

    review = session.review()
    monkeypatch.setattr(Path, "replace", fail)
    record = {
        "reviewed": lambda: recorder.reviewed(session, review),
        "checkpointed": lambda: recorder.checkpointed(session, ["last"]),
    }[what]
    with pytest.raises(RunFolderError, match=r"No space left on device; free some space.*--resume") as caught:
        record()
    assert "\n" not in str(caught.value)
