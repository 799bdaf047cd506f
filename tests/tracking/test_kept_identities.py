import threading
import time

import pytest

from priorkit.tracking import kept_identities, recorded_trackers
from priorkit.tracking.kept_identities import keep_identity, kept_identity


def test_identities_are_kept_beside_each_other(tmp_path):
    assert recorded_trackers(tmp_path) == ()
    keep_identity(tmp_path, "wandb", {"id": "a"})
    keep_identity(tmp_path, "mlflow", {"run_id": "b", "uri": "c"})
    keep_identity(tmp_path, "wandb", {"id": "d"})
    assert recorded_trackers(tmp_path) == ("wandb", "mlflow")
    assert kept_identity(tmp_path, "wandb") == {"id": "d"}
    assert kept_identity(tmp_path, "comet") == {}


def test_trackers_that_begin_at_the_same_time_are_all_kept(tmp_path, monkeypatch):
    write = kept_identities.write_whole

    def slowly(path, content):
        # Long enough for every other thread to have read what is there.
        time.sleep(0.1)
        write(path, content)

    monkeypatch.setattr(kept_identities, "write_whole", slowly)
    names = ["wandb", "mlflow", "comet"]
    threads = [threading.Thread(target=keep_identity, args=(tmp_path, name, {"id": name})) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: kept_identity(tmp_path, name) for name in names} == {name: {"id": name} for name in names}


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"wandb": 1}', '{"wandb": {"id": 1}}', "\xff"])
def test_a_damaged_file_is_none(tmp_path, text):
    (tmp_path / "trackers.json").write_bytes(text.encode("latin-1"))
    assert kept_identity(tmp_path, "wandb") == {}
