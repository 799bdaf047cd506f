import json
import signal

import pytest

from priorkit.runs import Position, RunFolder, prepare, read_position
from priorkit.training import Observer


class Stop(Observer):
    def __init__(self, step):
        self.step = step

    def stepped(self, session):
        if session.steps == self.step:
            signal.raise_signal(signal.SIGINT)


def trained(config, path, registry, *observers):
    prepare(config, path, registry=registry).run(observers)
    return RunFolder.open(path)


@pytest.mark.parametrize("limit", [{"steps": 4}, {"epochs": 1.2}])
def test_a_run_at_its_limit_is_complete(run_config, registry, tmp_path, limit):
    config = run_config(**{"steps": None, **limit})
    assert read_position(trained(config, tmp_path / "run", registry)) == Position(4, 24, complete=True)


def test_so_is_one_that_is_out_of_time(run_config, registry, tmp_path):
    folder = trained(run_config(steps=None, max_time=0.2), tmp_path / "run", registry)
    assert read_position(folder).complete


def test_one_that_was_stopped_is_not(run_config, registry, tmp_path):
    folder = trained(run_config(), tmp_path / "run", registry, Stop(3))
    assert read_position(folder) == Position(3, 18, complete=False)


def test_nor_is_one_that_was_not_reviewed_at_its_end(folder):
    assert read_position(folder).complete
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    kept = [row for row in rows if not (row["step"] == 6 and "held_out/sample_distance" in row)]
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in kept))
    assert not read_position(folder).complete


def test_nor_is_one_without_a_checkpoint(folder):
    (folder.checkpoints.folder / "last.json").unlink()
    assert read_position(folder) == Position(0, 0, complete=False)
