import os
import signal

import pytest

import priorkit
from priorkit.runs import prepare_resumed


class Stopper(priorkit.Observer):
    """Asks the process to stop after the second step."""

    def __init__(self, number: int) -> None:
        self.number = number

    def stepped(self, session) -> None:
        if session.steps == 2:
            os.kill(os.getpid(), self.number)


@pytest.fixture
def config(tiny_config):
    return tiny_config("aae", steps=5)


def test_ctrl_c_saves_and_ends_training_from_python(tmp_path, config, registry):
    with pytest.raises(KeyboardInterrupt):
        priorkit.train(config, tmp_path / "run", observers=[Stopper(signal.SIGINT)], registry=registry)
    assert prepare_resumed(tmp_path / "run", registry=registry).session.steps == 2


def test_sigterm_reaches_the_programs_own_handler_after_the_checkpoint(tmp_path, config, registry):
    received = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        priorkit.train(config, tmp_path / "run", observers=[Stopper(signal.SIGTERM)], registry=registry)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]
    assert prepare_resumed(tmp_path / "run", registry=registry).session.steps == 2
