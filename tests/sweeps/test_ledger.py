import os
import subprocess
import sys

import pytest

from priorkit.sweeps import ledger
from priorkit.sweeps.ledger import Ledger
from priorkit.sweeps.storage import open_study


@pytest.fixture
def another_process():
    """A process that does nothing."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def make_ledger(make_request):
    """Ledgers of one study."""
    request = make_request()
    request.out.mkdir()
    return lambda: Ledger(open_study(request), request)


def test_a_process_that_cannot_be_asked_is_left_alone(make_ledger, another_process, monkeypatch):
    monkeypatch.setattr(ledger, "_CAN_ASK", False)
    monkeypatch.setattr(os, "kill", lambda *given: pytest.fail("on Windows this ends the process"))
    other, mine = make_ledger(), make_ledger()
    other._place["process"] = another_process.pid
    trial, _ = other.next()
    assert mine.take_up([]) == []
    # Its silence tells, as that of another machine does.
    monkeypatch.setattr(ledger, "_GRACE_SECONDS", -1.0)
    assert mine.take_up([]) == [trial.number]


def test_a_process_that_has_gone_is_found_at_once(make_ledger, another_process):
    other, mine = make_ledger(), make_ledger()
    other._place["process"] = another_process.pid
    trial, _ = other.next()
    assert mine.take_up([]) == []
    another_process.kill()
    another_process.wait()
    assert mine.take_up([]) == [trial.number]
