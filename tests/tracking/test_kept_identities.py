import pytest

from priorkit.tracking import recorded_trackers
from priorkit.tracking.kept_identities import keep_identity, kept_identity


def test_identities_are_kept_beside_each_other(tmp_path):
    assert recorded_trackers(tmp_path) == ()
    keep_identity(tmp_path, "wandb", {"id": "a"})
    keep_identity(tmp_path, "mlflow", {"run_id": "b", "uri": "c"})
    keep_identity(tmp_path, "wandb", {"id": "d"})
    assert recorded_trackers(tmp_path) == ("wandb", "mlflow")
    assert kept_identity(tmp_path, "wandb") == {"id": "d"}
    assert kept_identity(tmp_path, "comet") == {}


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"wandb": 1}', '{"wandb": {"id": 1}}', "\xff"])
def test_a_damaged_file_is_none(tmp_path, text):
    (tmp_path / "trackers.json").write_bytes(text.encode("latin-1"))
    assert kept_identity(tmp_path, "wandb") == {}
