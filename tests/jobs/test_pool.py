import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import calls_of_jobs as calls

from priorkit.jobs import JobPool


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with JobPool([{"SHARE": "first"}, {"SHARE": "second"}]) as pool:
        yield pool


def until(pool, wanted):
    """The events until one of that kind; the last one is it."""
    found = []
    for _ in range(300):
        for event in pool.events(0.2):
            found.append(event)
            if wanted in (event.kind, event.data.get("event")):
                return found
    raise AssertionError(f"no {wanted} among {found}")


def test_a_job_from_start_to_result(pool):
    assert pool.start("a", calls.double, 21) == 0
    assert (pool.free, pool.running) == (1, ["a"])
    about, warning, done = until(pool, "done")
    assert about.data["share"] == "first"
    assert (warning.data["event"], warning.data["message"]) == ("warning", "take care")
    assert (done.key, done.data["result"]) == ("a", {"number": 42})
    assert pool.free == 2
    # The process takes the next one, too.
    pool.start("b", calls.double, 1)
    assert until(pool, "done")[0].data["process"] == about.data["process"]


def test_jobs_that_fail_are_told_in_one_line(pool):
    for kind, diverged in (("mend", False), ("diverge", True), ("mistake", False)):
        pool.start(kind, calls.refuse, kind)
        failed = until(pool, "failed")[-1]
        assert kind in failed.data["message"]
        assert "\n" not in failed.data["message"]
        assert failed.data["diverged"] is diverged
    # After a mistake there is a new process.
    pool.start("again", calls.double, 2)
    assert until(pool, "done")[-1].data["result"] == {"number": 4}


def test_a_killed_process_is_told_and_replaced(pool):
    pool.start("a", calls.vanish, None)
    killed = until(pool, "killed")[-1]
    assert (killed.key, killed.data["message"]) == ("a", "its process was killed by SIGKILL")
    pool.start("b", calls.double, 3)
    assert until(pool, "done")[-1].data["result"] == {"number": 6}


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="this system has no real-time signals")
def test_a_signal_without_a_name_is_told_by_its_number(pool):
    number = signal.SIGRTMIN + 3
    pool.start("a", calls.vanish_by, number)
    killed = until(pool, "killed")[-1]
    assert killed.data["message"] == f"its process was killed by signal {number}"


def test_a_word_reaches_the_job_alone_that_it_is_said_to(pool):
    pool.start("a", calls.wait, "enough")
    pool.start("b", calls.wait, "enough")
    with pytest.raises(RuntimeError, match="every process has a job"):
        pool.start("c", calls.double, 1)
    ready: list[object] = []
    while len(ready) < 2:
        ready += [event.key for event in pool.events(0.2)]
    pool.say("b", "enough")
    assert until(pool, "done")[-1].key == "b"
    assert pool.running == ["a"]
    ended = [event for event in pool.stop() if event.kind != "told"]
    assert [(event.key, event.kind, event.data["result"]) for event in ended] == [("a", "done", {"stopped": True})]


_OWNER = """
import sys, time
from pathlib import Path
import calls_of_jobs as calls
from priorkit.jobs import JobPool
with JobPool([{}]) as pool:
    pool.start("a", calls.leave_mark, Path(sys.argv[1]))
    while True:
        for event in pool.events(1):
            print(event.data["event"], event.data.get("process"), flush=True)
"""


def test_jobs_save_and_end_where_whoever_started_them_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    mark = tmp_path / "mark"
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, str(mark)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    word, _ = owner.stdout.readline().split()
    assert word == "ready"
    owner.kill()
    owner.wait()
    for _ in range(500):
        if mark.exists() and mark.read_text():
            break
        time.sleep(0.05)
    assert mark.read_text() == "True"
