import json
import re
import shutil
from pathlib import Path

import pytest
import torch

import priorkit
from priorkit.errors import MissingExtraError, RunFolderError
from priorkit.runs import describe_run, load_run, pull
from priorkit.runs.sharing.hub_client import HubError, hub_api
from priorkit.whole_files import write_whole

pytestmark = pytest.mark.whole

ADDRESS = "hf://user/name"


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.fixture
def pushed(hub, trained):
    trained.push("user/name")
    return hub


def test_a_pulled_run_draws_the_same_images(pushed, trained, registry, tmp_path):
    path = pull(ADDRESS, tmp_path / "pulled")
    found = load_run(path, device="cpu", registry=registry)
    assert torch.equal(found.sample(5), trained.sample(5))
    assert not [entry for entry in path.rglob("*") if entry.name.startswith(".") or entry.suffix in (".pt", ".md")]


def test_a_run_is_loaded_from_the_hub_and_kept(pushed, trained, registry, tmp_path):
    first = load_run(ADDRESS, device="cpu", registry=registry)
    assert torch.equal(first.sample(5), trained.sample(5))
    assert first.path.is_relative_to(tmp_path / "cache")
    asked = len(pushed.requests)
    # The command line makes a path of what it is given.
    again = load_run(Path(ADDRESS), device="cpu", registry=registry)
    assert (again.path, len(pushed.requests)) == (first.path, asked + 1)
    pushed.status = 500
    assert load_run(f"{ADDRESS}@{first.path.name}", device="cpu", registry=registry).path == first.path


def test_a_revision_is_another_run(hub, trained, registry, tmp_path):
    trained.push("user/name", revision="small")
    (files,) = [hub.files("user/name", "small")]
    assert files is not None
    with pytest.raises(RunFolderError, match=r"is not a run: it has no config\.toml"):
        pull(ADDRESS, tmp_path / "main")
    assert pull(f"{ADDRESS}@small", tmp_path / "small").is_dir()
    with pytest.raises(HubError) as error:
        pull(f"{ADDRESS}@large", tmp_path / "large")
    assert one_line(error) == "'hf://user/name@large' has no such revision: check the branch, tag or commit behind @"


def test_nobody_answers(no_hub, tmp_path):
    with pytest.raises(HubError) as error:
        pull(ADDRESS, tmp_path / "pulled")
    assert one_line(error) == (
        f"'hf://user/name': the hub at {no_hub} cannot be reached; check the network and HF_ENDPOINT"
    )


def test_an_answer_takes_too_long(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("priorkit.runs.sharing.hub_files._TIMEOUT", 0.05)
    hub.silent.set()
    with pytest.raises(HubError) as error:
        pull(ADDRESS, tmp_path / "pulled")
    assert "does not answer in time" in one_line(error)


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "does not know you (401)"), (403, "refuses access (403)"), (404, "no such repository or file (404)")],
)
def test_the_hub_refuses(hub, tmp_path, status, message):
    hub.status = status
    with pytest.raises(HubError) as error:
        pull(ADDRESS, tmp_path / "pulled")
    assert message in one_line(error)
    assert hub.url in one_line(error)


def test_a_private_run_needs_the_token(hub, trained, tmp_path, monkeypatch):
    trained.push("user/name", private=True)
    assert pull(ADDRESS, tmp_path / "with").is_dir()
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="log in by `hf auth login` or HF_TOKEN"):
        pull(ADDRESS, tmp_path / "without")


def test_what_is_there_is_no_run(hub, tmp_path):
    hub.repositories["user/name"] = {"main": {"config.json": b"{}", "model.safetensors": b"x", "run.py": b"exit()"}}
    with pytest.raises(RunFolderError) as error:
        pull(ADDRESS, tmp_path / "pulled")
    assert one_line(error).startswith("'hf://user/name' is not a run: it has no config.toml")
    assert not list(tmp_path.iterdir())


def test_a_download_that_is_cut_leaves_nothing(pushed, tmp_path):
    pushed.cut = ("weights.safetensors",)
    with pytest.raises(HubError) as error:
        pull(ADDRESS, tmp_path / "pulled")
    assert "weights.safetensors" in one_line(error)
    assert not list(tmp_path.iterdir())


def test_what_is_no_part_of_a_run_is_not_asked_for(pushed, tmp_path):
    files = pushed.files("user/name")
    (state,) = [name.replace("weights.safetensors", "state.pt") for name in files if "weights" in name]
    files |= {state: b"a pickle", "plugin.py": b"exit()", "../escape": b"x", "checkpoints/../../escape": b"x"}
    path = pull(ADDRESS, tmp_path / "pulled")
    assert {entry.name for entry in tmp_path.iterdir()} == {"pulled"}
    assert not [entry for entry in path.rglob("*") if entry.suffix in (".pt", ".py")]
    assert not [
        asked for asked in pushed.requests if re.search(r"state\.pt|plugin|escape", asked) and "resolve" in asked
    ]


def test_changed_weights_are_noticed(pushed, tmp_path):
    files = pushed.files("user/name")
    (name,) = [name for name in files if name.endswith("weights.safetensors")]
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    with pytest.raises(RunFolderError, match="its checksum differs") as error:
        pull(ADDRESS, tmp_path / "pulled")
    assert ".draft" not in one_line(error)
    assert not list(tmp_path.iterdir())


def test_a_missing_plug_in_is_named(pushed, tmp_path):
    # The built-in plug-ins alone: those of the tests are of another distribution.
    with pytest.raises(priorkit.PriorkitError, match=r"data set 'tiny' of priorkit-tests 1\.0") as error:
        load_run(ADDRESS, device="cpu")
    one_line(error)
    described = describe_run(ADDRESS)
    assert (described.plugins, described.missing) == ({"priorkit-tests": "1.0"}, ("priorkit-tests",))
    assert not [asked for asked in pushed.requests[-8:] if "weights" in asked]


def test_a_run_of_a_newer_version_is_refused(pushed, tmp_path):
    files = pushed.files("user/name")
    files["environment.json"] = json.dumps({**json.loads(files["environment.json"]), "format": 99}).encode()
    with pytest.raises(RunFolderError, match="upgrade priorkit"):
        pull(ADDRESS, tmp_path / "pulled")


def test_a_folder_that_is_there_is_left_alone(pushed, tmp_path):
    (tmp_path / "pulled").mkdir()
    write_whole(tmp_path / "pulled/mine", "x")
    asked = len(pushed.requests)
    with pytest.raises(RunFolderError, match="already exists"):
        pull(ADDRESS, tmp_path / "pulled")
    assert len(pushed.requests) == asked
    shutil.rmtree(tmp_path / "pulled")


def test_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[hub\]'"):
        pull(ADDRESS, tmp_path / "pulled")


def test_what_is_larger_than_announced_is_not_downloaded(hub, trained, monkeypatch, tmp_path):
    trained.push("user/name")
    found = hub_api().model_info("user/name", files_metadata=True)
    for file in found.siblings:
        if file.rfilename == "metrics.jsonl":
            file.size -= 1
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *arguments, **options: found)
    hub.requests.clear()
    with pytest.raises(HubError, match=r"metrics.jsonl: got \d+ bytes, but \d+ were announced"):
        pull("hf://user/name", tmp_path / "run")
    asked = [request.split()[0] for request in hub.requests if request.endswith("metrics.jsonl")]
    assert asked == ["HEAD"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("sha", [None, ""])
def test_a_hub_that_names_no_commit_is_refused(hub, trained, monkeypatch, tmp_path, sha):
    trained.push("user/name")
    found = hub_api().model_info("user/name", files_metadata=True)
    found.sha = sha
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *arguments, **options: found)
    with pytest.raises(HubError, match="the hub names no commit"):
        pull("hf://user/name", tmp_path / "run")
    with pytest.raises(HubError, match="the hub names no commit"):
        trained.push("user/name")
