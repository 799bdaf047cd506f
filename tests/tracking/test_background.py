import threading
import time

from priorkit.tracking import background
from priorkit.tracking.background import Background, Deadline


def test_calls_are_made_in_order_in_another_thread():
    made = []
    thread = Background("test")
    for number in range(100):
        thread.call(lambda number=number: made.append((number, threading.current_thread().name)))
    thread.end(lambda: made.append("last"))
    thread.wait(Deadline(10))
    assert made == [*((number, "test") for number in range(100)), "last"]
    assert thread.failure is None


def test_nothing_is_called_after_a_failure():
    made = []
    thread = Background("test")

    def leave():
        raise SystemExit("no key")

    thread.call(leave)
    thread.call(lambda: made.append(1))
    thread.end(lambda: made.append(3))
    thread.wait(Deadline(10))
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
    other.end(lambda: None)
    other.wait(Deadline(0.01))
    assert "not finished after 0.01 seconds" in str(other.failure)
    released.set()


def test_all_that_hang_are_waited_for_together(monkeypatch):
    monkeypatch.setattr(background, "_WAITING", 2)
    released = threading.Event()
    threads = [Background(f"test-{number}") for number in range(4)]
    made = []
    quick = Background("quick")
    for thread in threads:
        thread.call(lambda: released.wait(20))
        # Of some there is no room for a last call, which has to be waited for, too.
        for _ in range(3 if thread is not threads[0] else 0):
            thread.call(lambda: None)
    for thread in [*threads, quick]:
        thread.end(lambda: made.append(threading.current_thread().name))
    deadline, began = Deadline(0.5), time.monotonic()
    for thread in [*threads, quick]:
        thread.wait(deadline)
    assert time.monotonic() - began < 0.5 * 2
    assert all(isinstance(thread.failure, TimeoutError) for thread in threads)
    # It was done while the others were waited for.
    assert made == ["quick"]
    assert quick.failure is None
    released.set()
