"""Sweeps whose trials take no time."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from priorkit.registry import installed_plugins
from priorkit.sweeps import SearchSpace, SweepObserver, SweepRequest, parse_objectives, parse_search, supervision

HERE = str(Path(__file__).parent)


class Told(SweepObserver):
    """Keeps what it is told, and may call a function at each."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []
        self.then: Callable[[str, int], None] = lambda event, number: None

    def _keep(self, event: str, number: int) -> None:
        self.events.append((event, number))
        self.then(event, number)

    def started_trial(self, number, params, run, *, again):
        self._keep("again" if again else "started", number)

    def reviewed_trial(self, number, step, scores):
        self._keep("reviewed", number)

    def completed_trial(self, number, figures):
        self._keep("completed", number)

    def pruned_trial(self, number, step):
        self._keep("pruned", number)

    def failed_trial(self, number, reason):
        self._keep("failed", number)

    def cut_short(self, number, reason):
        self._keep("cut short", number)

    def of(self, event: str) -> list[int]:
        return [number for name, number in self.events if name == event]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def make_request(tmp_path: Path) -> Callable[..., SweepRequest]:
    """Makes the request of a sweep of learning rates."""

    def make(search: str = "learning_rate=1e-4..1e-2", objective: str = "sample_distance", **more) -> SweepRequest:
        settings = {"device": "cpu", **more.pop("settings", {})}
        space = SearchSpace.checked(settings, parse_search([search]), installed_plugins())
        given = {"out": tmp_path / "sweep", "trials": 4, **more}
        return SweepRequest(space, parse_objectives(objective), **given)

    return make


@pytest.fixture
def quick_trials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Has processes take a moment instead of training."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv("PYTHONPATH", HERE)
    from trials_of_tests import QuickJob, quick_trial

    monkeypatch.setattr(supervision, "carry_out_trial", quick_trial)
    monkeypatch.setattr(supervision, "TrialJob", QuickJob.of)
    yield
    sys.modules.pop("trials_of_tests", None)
