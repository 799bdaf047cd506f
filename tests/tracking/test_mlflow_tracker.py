"""What of MLflow needs no MLflow: a client that is told what to answer."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from priorkit.tracking import TrackedRun
from priorkit.tracking.mlflow_tracker import MlflowTracker


class MissingError(Exception):
    error_code = "RESOURCE_DOES_NOT_EXIST"


class RefusedError(MissingError):
    error_code = "PERMISSION_DENIED"


@pytest.fixture
def client(monkeypatch):
    """The client that the tracker finds; `runs` are those that are there."""
    made = SimpleNamespace(tracking_uri="http://host", runs={}, answers=MissingError)

    def get_run(run):
        if run not in made.runs:
            raise made.answers(run)
        return SimpleNamespace(info=SimpleNamespace(lifecycle_stage=made.runs[run]))

    made.get_run = get_run
    made.update_run = lambda run, status: None
    made.get_experiment_by_name = lambda name: SimpleNamespace(experiment_id="1")
    made.create_run = lambda experiment, run_name: SimpleNamespace(info=SimpleNamespace(run_id="new"))
    made.log_batch = lambda run, **given: None
    for name, content in (
        ("mlflow", {"MlflowClient": lambda: made}),
        ("mlflow.entities", {"Param": lambda key, value: (key, value)}),
        ("mlflow.exceptions", {"MlflowException": MissingError}),
    ):
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return made


@pytest.fixture
def start(client, tmp_path, monkeypatch):
    """Begins to follow a run; gives its identity and what is told."""
    monkeypatch.chdir(tmp_path)

    def start(uri, identity=None):
        client.tracking_uri = uri
        tracker = MlflowTracker()
        return tracker.start(TrackedRun(tmp_path, {"steps": 4}, 0, identity or {})), tracker.notice

    return start


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("https://ann:secret@host:5000/path", "https://host:5000/path"),
        ("https://host?token=secret", "https://host"),
        ("postgresql://ann:se@cr/et@host/db?password=secret", "postgresql://host/db"),
        ("postgresql://ann:sec?ret@host/db", "postgresql://"),
        ("sqlite:////data/runs.db", "sqlite:////data/runs.db"),
        ("sqlite:///{here}/a b.db?timeout=3", "sqlite:///{here}/a b.db"),
        ("sqlite:///runs.db", "sqlite:///{here}/runs.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("file:./mlruns", "file:./mlruns"),
        ("databricks", "databricks"),
    ],
)
def test_the_store_is_kept_without_credentials(start, client, tmp_path, uri, kept):
    uri, kept = uri.format(here=tmp_path), kept.format(here=tmp_path)
    identity, notice = start(uri)
    assert (identity, notice) == ({"run_id": "new", "uri": kept}, "")
    # It is found again; under another password, too, and where an earlier version has kept it as it was.
    client.runs["old"] = "active"
    assert start(uri, {"run_id": "old", "uri": kept})[0]["run_id"] == "old"
    assert start(uri.replace("secret", "other"), {"run_id": "old", "uri": uri})[0] == {"run_id": "old", "uri": kept}
    assert start("http://elsewhere", {"run_id": "old", "uri": kept}) == (
        {"run_id": "new", "uri": "http://elsewhere"},
        "",
    )


@pytest.mark.parametrize("stage", [None, "deleted"])
def test_a_run_that_is_gone_is_followed_as_a_new_one(start, client, stage):
    if stage is not None:
        client.runs["old"] = stage
    identity, notice = start("http://host", {"run_id": "old", "uri": "http://host"})
    assert identity["run_id"] == "new"
    assert notice == "http://host has no run old any more: a new one follows the training from here on"


def test_a_server_that_refuses_is_no_reason_to_begin_anew(start, client):
    client.answers = RefusedError
    with pytest.raises(RefusedError):
        start("http://host", {"run_id": "old", "uri": "http://host"})
