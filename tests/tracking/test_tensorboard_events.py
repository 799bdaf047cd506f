import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from priorkit.tracking.tensorboard_events import TensorBoardEvents


class Writer:
    """Fails in a thread of its own, as TensorBoard's does, and tells when it is asked to write next."""

    def __init__(self, folder: str, **options: Any) -> None:
        self.folder = folder
        self.failure: OSError | None = None
        self.asked = threading.Event()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        self.asked.wait(10)
        self.failure = FileNotFoundError(2, "No such file or directory", self.folder.encode())
        raise self.failure

    def add_scalar(self, *arguments: Any) -> None:
        self.asked.set()
        self.thread.join()
        assert self.failure is not None
        raise self.failure

    def close(self) -> None:
        pass


def test_the_failure_of_its_thread_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    before = threading.excepthook
    events = TensorBoardEvents(tmp_path, 0)
    with pytest.raises(FileNotFoundError):
        events.write({"loss": 1.0}, 1)
    with warnings.catch_warnings():
        other = threading.Thread(target=lambda: 1 / 0)
        other.start()
        other.join()
    assert [failure.thread for failure in told] == [other], "other threads' failures are told as ever"
    events.close()
    events.close()
    assert threading.excepthook == before


def test_nothing_is_written_without_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    events = TensorBoardEvents(tmp_path, 0)
    events.write({"loss": 1.0}, 1)
    events.close()
    assert not list(tmp_path.iterdir())
