"""Each tracker with its own package, without a network. Those that are not installed are left out."""

import zipfile

import pytest
from PIL import Image

from priorkit.tracking import TrackedRun
from priorkit.tracking.catalogue import build_tracker

SETTINGS = {"prior": {"name": "learned", "noise_dim": 8}, "steps": 4, "epochs": None, "phases": [{"name": "a"}]}


@pytest.fixture
def follow(tmp_path, monkeypatch):
    """Follows two steps of a run with a new tracker; gives its identity."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()

    def follow(name, identity=None, steps=0):
        tracker = build_tracker(name)
        kept = tracker.start(TrackedRun(tmp_path / "run", SETTINGS, steps, identity or {}))
        for step in (steps + 1, steps + 2):
            tracker.log({"loss/autoencoder/reconstruction": 0.5 / step, "held_out/sample_distance": 1.0}, step)
        tracker.show({"samples": Image.new("L", (8, 8), 200), "originals": Image.new("RGB", (8, 8))}, steps + 2)
        tracker.finish(complete=True)
        return kept

    return follow


def test_tensorboard(follow, tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    follow("tensorboard")
    # The second step was not saved: it is done again.
    follow("tensorboard", steps=1)
    found = accumulators.EventAccumulator(str(tmp_path / "run"))
    found.Reload()
    losses = [(item.step, round(item.value, 3)) for item in found.Scalars("loss/autoencoder/reconstruction")]
    assert losses == [(1, 0.5), (2, 0.25), (3, 0.167)]
    assert [item.step for item in found.Images("samples")] == [3]
    (text,) = found.Tensors("configuration/text_summary")[:1]
    assert b"| prior.noise_dim | 8 |" in text.tensor_proto.string_val[0]


def test_wandb(follow, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    kept = follow("wandb")
    assert follow("wandb", kept, steps=2) == kept
    folders = sorted(tmp_path.glob(f"wandb/offline-run-*-{kept['id']}"))
    assert folders
    written = b"".join(file.read_bytes() for folder in folders for file in folder.glob("*.wandb"))
    for text in (b"loss/autoencoder/reconstruction", b"held_out/sample_distance", b"noise_dim", b"samples"):
        assert text in written
    assert [file for folder in folders for file in folder.glob("files/media/images/samples_*.png")]
    wandb.teardown()


def test_wandb_without_a_key(follow, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setattr("wandb.login", lambda **given: False)
    with pytest.raises(RuntimeError, match="log in by `wandb login`"):
        follow("wandb")


def test_mlflow(follow, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    kept = follow("mlflow")
    assert follow("mlflow", kept, steps=2) == kept
    client = mlflow.MlflowClient()
    run = client.get_run(kept["run_id"])
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    assert run.data.params["prior.noise_dim"] == "8"
    history = client.get_metric_history(kept["run_id"], "loss/autoencoder/reconstruction")
    assert sorted(item.step for item in history) == [1, 2, 3, 4]
    assert [item.path for item in client.list_artifacts(kept["run_id"], "samples")] == [
        "samples/00000002.png",
        "samples/00000004.png",
    ]
    # What is in another store is another run.
    assert follow("mlflow", {**kept, "uri": "http://elsewhere"})["run_id"] != kept["run_id"]


def test_mlflow_goes_on_from_another_folder_and_begins_anew_where_the_run_is_gone(follow, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db?timeout=30")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    kept = follow("mlflow")
    assert kept["uri"] == f"sqlite:///{tmp_path}/runs.db"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    assert follow("mlflow", kept, steps=2) == kept
    mlflow.MlflowClient().delete_run(kept["run_id"])
    for gone in (kept, {**kept, "run_id": "0" * 32}):
        tracker = build_tracker("mlflow")
        begun = tracker.start(TrackedRun(tmp_path / "run", SETTINGS, 2, gone))
        assert begun["run_id"] != gone["run_id"]
        assert f"has no run {gone['run_id']} any more" in tracker.notice


def test_comet(follow, tmp_path, monkeypatch):
    pytest.importorskip("comet_ml")
    monkeypatch.setenv("COMET_START_ONLINE", "false")
    monkeypatch.setenv("COMET_OFFLINE_DIRECTORY", str(tmp_path))
    kept = follow("comet")
    (first,) = tmp_path.glob("*.zip")
    assert follow("comet", kept, steps=2) == kept
    assert len(list(tmp_path.glob("*.zip"))) == 2
    with zipfile.ZipFile(first) as archive:
        messages = archive.read("messages.json").decode()
    for text in ("loss/autoencoder/reconstruction", "prior.noise_dim", "originals"):
        assert text in messages
