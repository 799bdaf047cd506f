import threading

from priorkit.tracking import background
from priorkit.tracking.background import Background


def test_calls_are_made_in_order_in_another_thread():
    made = []
    thread = Background("test")
    for number in range(100):
        thread.call(lambda number=number: made.append((number, threading.current_thread().name)))
    thread.finish(10)
    assert made == [(number, "test") for number in range(100)]
    assert thread.failure is None


def test_nothing_is_called_after_a_failure():
    made = []
    thread = Background("test")

    def leave():
        raise SystemExit("no key")

    thread.call(leave)
    thread.call(lambda: made.append(1))
    thread.finish(10)
    assert str(thread.failure) == "no key"
    thread.call(lambda: made.append(2))
    assert made == []


def test_what_hangs_is_left_behind(monkeypatch):
    monkeypatch.setattr(background, "_WAITING", 3)
    released = threading.Event()
    thread = Background("test")
    for _ in range(6):
        thread.call(lambda: released.wait(10))
    assert isinstance(thread.failure, TimeoutError)
    assert "measurements behind" in str(thread.failure)
    other = Background("other")
    other.call(lambda: released.wait(10))
    other.finish(0.01)
    assert "not done after 0.01 seconds" in str(other.failure)
    released.set()
