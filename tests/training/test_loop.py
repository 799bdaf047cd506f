from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from priorkit.errors import NonFiniteLossError
from priorkit.training import Observer, Review, Session, run_session

SCHEDULE = {"log_every": 2, "sample_every": 3, "checkpoint_every": 4, "steps": 7}


class Diary(Observer):
    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.scores: dict[int, float] = {}

    def started(self, session: Session) -> None:
        self.events.append(("started", session.steps))

    def stepped(self, session: Session) -> None:
        self.events.append(("stepped", session.steps))

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        assert losses
        self.events.append(("measured", session.steps))

    def reviewed(self, session: Session, review: Review) -> None:
        self.scores[session.steps] = review.scores["sample_distance"]
        self.events.append(("reviewed", session.steps))

    def checkpointed(self, session: Session, names: list[str]) -> None:
        self.events.append(("checkpointed", session.steps, *names))

    def ended(self, session: Session, reason: str | None) -> None:
        self.events.append(("ended", session.steps, reason))

    def steps(self, kind: str) -> list[int]:
        return [event[1] for event in self.events if event[0] == kind]


def never() -> str | None:
    return None


def after(session: Session, steps: int) -> Callable[[], str | None]:
    return lambda: "enough" if session.steps >= steps else None


def test_everything_happens_on_time(tiny_session: Callable[..., Session]) -> None:
    session, diary = tiny_session(**SCHEDULE), Diary()
    assert run_session(session, [diary], never) is None
    assert diary.events[0] == ("started", 0)
    assert diary.events[-1] == ("ended", 7, None)
    assert diary.steps("stepped") == list(range(1, 8))
    assert diary.steps("measured") == [2, 4, 6, 7]
    assert diary.steps("reviewed") == [3, 6, 7]
    saved = [event[1] for event in diary.events if event[0] == "checkpointed" and "last" in event]
    assert set(saved) >= {0, 4, 7}
    assert diary.events[1] == ("checkpointed", 0, "last")
    assert len(set(saved)) == len(saved)
    # The best checkpoint so far is saved at its review.
    records = [
        step for step, score in diary.scores.items() if score == min(diary.scores[s] for s in diary.scores if s <= step)
    ]
    assert [event[1] for event in diary.events if event[0] == "checkpointed" and "best" in event] == records
    assert session.best == {"score": min(diary.scores.values()), "step": float(records[-1])}
    assert session.seconds > 0


def test_losses_are_means_since_the_last_line(tiny_session: Callable[..., Session]) -> None:
    class Losses(Observer):
        def __init__(self) -> None:
            self.seen: dict[int, dict[str, float]] = {}

        def measured(self, session: Session, losses: dict[str, float]) -> None:
            self.seen[session.steps] = losses

    single, double = Losses(), Losses()
    run_session(tiny_session(log_every=1, steps=4), [single], never)
    run_session(tiny_session(log_every=2, steps=4), [double], never)
    for step in (2, 4):
        for name, value in double.seen[step].items():
            mean = (single.seen[step - 1][name] + single.seen[step][name]) / 2
            assert value == pytest.approx(mean, rel=1e-5), name


def test_a_reason_stops_the_run_with_a_checkpoint(tiny_session: Callable[..., Session]) -> None:
    session, diary = tiny_session(**SCHEDULE), Diary()
    assert run_session(session, [diary], after(session, 5)) == "enough"
    assert diary.steps("stepped") == [1, 2, 3, 4, 5]
    assert diary.steps("measured") == [2, 4]
    assert diary.steps("reviewed") == [3]
    assert diary.events[-2:] == [("checkpointed", 5, "last"), ("ended", 5, "enough")]


def test_a_reason_before_the_first_step_leaves_what_a_run_starts_with(tiny_session: Callable[..., Session]) -> None:
    session, diary = tiny_session(**SCHEDULE), Diary()
    assert run_session(session, [diary], lambda: "no") == "no"
    assert diary.events == [("started", 0), ("checkpointed", 0, "last"), ("ended", 0, "no")]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tiny_session: Callable[..., Session]) -> None:
    whole, diary = tiny_session(**SCHEDULE), Diary()
    run_session(whole, [diary], never)
    session, parts = tiny_session(**SCHEDULE), Diary()
    for steps in (1, 5, 100):
        run_session(session, [parts], after(session, steps))
    assert session.best == whole.best
    for kind in ("stepped", "measured", "reviewed"):
        assert parts.steps(kind) == diary.steps(kind)
    assert parts.scores == diary.scores
    assert all(torch.equal(value, whole.weights()[key]) for key, value in session.weights().items())


def test_the_last_line_of_losses_leaves_a_prolonged_run_its_means(tiny_session: Callable[..., Session]) -> None:
    """Stopping after step 5 adds a line; the line after step 8 is still the mean over steps 5 to 8."""
    whole, session = tiny_session(log_every=4, steps=8), tiny_session(log_every=4, steps=5)
    lines: list[dict[str, float]] = []

    class Lines(Observer):
        def measured(self, session: Session, losses: dict[str, float]) -> None:
            if session.steps == 8:
                lines.append(losses)

    run_session(whole, [Lines()], never)
    run_session(session, [Lines()], never)
    session.config = whole.config
    run_session(session, [Lines()], never)
    assert len(lines) == 2
    assert lines[0] == lines[1]


def test_time_spent_before_counts(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session(max_time=100)
    session.seconds = 200.0
    diary = Diary()
    run_session(session, [diary], never)
    assert diary.steps("stepped") == []
    assert session.seconds >= 200


@pytest.mark.parametrize("where", ["log_every", "sample_every", "checkpoint_every", None])
def test_divergence_stops_the_run_before_anything_is_kept(
    where: str | None, tiny_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Immediately on a CPU; on other devices at the next line of losses, review or checkpoint."""
    schedule = {"log_every": 100, "sample_every": 100, "checkpoint_every": 100, **({where: 3} if where else {})}
    session, diary = tiny_session(steps=50, **schedule), Diary()
    if where is not None:
        look = session.engine.check_finite
        monkeypatch.setattr(session.engine, "check_finite", lambda: look() if session.steps % 3 == 0 else None)

    class Wrecker(Observer):
        def stepped(self, session: Session) -> None:
            if session.steps == 4:
                with torch.no_grad():
                    next(session.system.decoder.parameters()).fill_(float("nan"))

    with pytest.raises(NonFiniteLossError):
        run_session(session, [diary, Wrecker()], never)
    assert session.steps == (6 if where else 5)
    assert all(event[1] <= 4 for event in diary.events if event[0] not in ("stepped",))


def test_divergence_is_noticed_at_the_end_at_the_latest(tiny_session: Callable[..., Session]) -> None:
    session, diary = tiny_session("vae", optimizer="sgd", learning_rate=1e30, steps=5, log_every=100), Diary()
    with pytest.raises(NonFiniteLossError):
        run_session(session, [diary], never)
    assert diary.steps("checkpointed") == [0]
    assert diary.steps("ended") == []


def test_an_observer_without_methods_is_fine(tiny_session: Callable[..., Session]) -> None:
    assert run_session(tiny_session(**SCHEDULE), [Observer()], never) is None


class Judge(Diary):
    """An evaluator that returns the given scores."""

    def __init__(self, scores: Mapping[int, Mapping[str, float]]) -> None:
        super().__init__()
        self.found = scores

    def scores_due(self, session: Session) -> Mapping[str, float]:
        return self.found[session.steps]

    def best(self) -> list[int]:
        return [event[1] for event in self.events if event[0] == "checkpointed" and "best" in event]


def test_a_distance_of_features_decides_from_the_first_on(tiny_session: Callable[..., Session]) -> None:
    name = "classifier_frechet_distance"
    found = {2: {name: 7.0, "kernel_distance": 0.0}, 4: {name: 9.0}, 6: {name: 3.0}, 8: {}}
    session, judge = tiny_session(sample_every=1, evaluate_every=2, steps=9), Judge(found)
    run_session(session, [judge], never)
    assert session.best == {"score": 3.0, "step": 6.0, "features": 1.0}
    # Reviews decide until the first evaluation: at step 1, and possibly at step 2.
    assert [step for step in judge.best() if step > 2] == [6]
    assert judge.best()[0] == 1
    assert 2 in judge.best()


def test_a_distance_that_is_no_number_decides_nothing(tiny_session: Callable[..., Session]) -> None:
    name = "classifier_frechet_distance"
    judge = Judge({2: {name: float("nan")}, 4: {name: 5.0}})
    session = tiny_session(sample_every=4, evaluate_every=2, steps=4)
    run_session(session, [judge], never)
    assert session.best == {"score": 5.0, "step": 4.0, "features": 1.0}


def test_features_still_decide_after_resuming(tiny_session: Callable[..., Session]) -> None:
    settings = {"sample_every": 1, "evaluate_every": 2}
    first, name = tiny_session(**settings, steps=2), "classifier_frechet_distance"
    run_session(first, [Judge({2: {name: 4.0}})], never)
    second = tiny_session(**settings, steps=4)
    second.load(first.weights(), first.state())
    judge = Judge({4: {name: 4.5}})
    run_session(second, [judge], never)
    assert second.best == {"score": 4.0, "step": 2.0, "features": 1.0}
    assert judge.best() == []


def test_without_a_distance_of_features_reviews_decide(tiny_session: Callable[..., Session]) -> None:
    session, judge = tiny_session(sample_every=2, evaluate_every=2, steps=6), Judge({2: {}, 4: {"elbo": 1.0}, 6: {}})
    run_session(session, [judge], never)
    assert "features" not in session.best
    assert session.best["score"] == min(judge.scores.values())
