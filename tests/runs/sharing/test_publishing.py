import json
import re

import pytest

import priorkit
from priorkit.config import read_toml
from priorkit.errors import ConfigurationError, RunFolderWarning
from priorkit.runs.sharing import publishing
from priorkit.runs.sharing.hub_client import HubError


def test_what_is_pushed(hub, trained):
    assert trained.push("user/name", message="the first") == "hf://user/name"
    files = hub.files("user/name")
    step = "checkpoints/step-00000006"
    assert set(files) == {
        ".gitattributes",
        "README.md",
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "report.html",
        "samples/samples-00000006.png",
        "samples/reconstructions-00000006.png",
        "checkpoints/last.json",
        "checkpoints/best.json",
        f"{step}/weights.safetensors",
        f"{step}/checksums.json",
    }
    assert hub.messages == ["the first"]
    assert files[f"{step}/weights.safetensors"] == (trained.path / step / "weights.safetensors").read_bytes()
    assert len(hub.objects) == 1, "the weights went the way of large files"


def test_everything_may_go_the_way_of_small_files(hub, trained):
    hub.large = ("none",)
    trained.push("user/name")
    assert not hub.objects
    assert any(name.endswith("weights.safetensors") for name in hub.files("user/name"))


def test_the_card_is_of_the_run(hub, trained):
    yaml = pytest.importorskip("yaml")
    trained.push("user/name", license="mit")
    text = hub.files("user/name")["README.md"].decode()
    _, metadata, body = text.split("---\n", 2)
    assert yaml.safe_load(metadata) == {
        "library_name": "priorkit",
        "pipeline_tag": "unconditional-image-generation",
        "license": "mit",
        "tags": ["priorkit", "autoencoder", "image-generation", "prior-learned"],
        "datasets": ["tiny"],
    }
    assert 'run = priorkit.load_run("hf://user/name")' in body
    assert "pip install priorkit-tests==1.0\n" in body
    assert "the prior `learned`" in body
    assert "| held-out reconstruction error |" in body
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", body):
        assert picture in hub.files("user/name")


def test_paths_of_this_machine_stay_here(hub, trained, registry, run_config, tmp_path):
    config = run_config(data_dir=tmp_path / "secret")
    run = priorkit.train(config, tmp_path / "run", registry=registry)
    assert "secret" in (run.path / "config.toml").read_text()
    run.push("user/name")
    for name, content in hub.files("user/name").items():
        assert b"secret" not in content, name
    (tmp_path / "config.toml").write_bytes(hub.files("user/name")["config.toml"])
    assert "data_dir" not in read_toml(tmp_path / "config.toml")


def test_a_repository_holds_one_run(hub, trained):
    trained.push("user/name")
    files = hub.files("user/name")
    files["checkpoints/step-00000001/weights.safetensors"] = b"of an earlier run"
    files["notes.md"] = b"the user's own"
    trained.push("user/name")
    assert "checkpoints/step-00000001/weights.safetensors" not in hub.files("user/name")
    assert hub.files("user/name")["notes.md"] == b"the user's own"


def test_who_has_no_token_is_told(hub, trained, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"'hf://user/name': .*log in by `hf auth login` or HF_TOKEN") as error:
        trained.push("user/name")
    assert "\n" not in str(error.value)
    assert not hub.repositories


def test_nobody_answers(no_hub, trained):
    with pytest.raises(HubError, match="cannot be reached"):
        trained.push("user/name")


@pytest.mark.parametrize("name", ["name", "user/name/more", "user/..", "../name", "user/na me", "user/name@../x", ""])
def test_what_is_no_name_is_refused(hub, trained, name):
    with pytest.raises(ConfigurationError, match=r"names no repository|is not a branch"):
        trained.push(name)
    assert not hub.requests


def test_scores_are_those_of_what_is_pushed(hub, trained, folder, registry):
    def evaluation(checkpoint, value):
        score = {"name": "fid", "label": "FID", "value": value}
        return {"checkpoint": checkpoint, "scores": [score]}

    text = json.dumps({"evaluations": [evaluation("step-00000006", 7.0), evaluation("step-00000004", 3.0)]})
    folder.scores.write_text(text)
    priorkit.load_run(folder.path, device="cpu", registry=registry).push("user/name")
    kept = json.loads(hub.files("user/name")["scores.json"])["evaluations"]
    assert [item["checkpoint"] for item in kept] == ["step-00000006"]
    assert "| FID | 7 |" in hub.files("user/name")["README.md"].decode()


def test_what_should_be_private_is_not_published(hub, trained):
    trained.push("user/name")
    before = dict(hub.files("user/name"))
    with pytest.raises(HubError, match=r"'hf://user/name@long' already exists and is public") as error:
        trained.push("user/name", private=True, revision="long")
    assert "nothing was pushed" in str(error.value)
    assert hub.repositories["user/name"] == {"main": before}
    trained.push("user/hidden", private=True)
    trained.push("user/hidden", private=True, revision="long")
    assert "user/hidden" in hub.private


def test_a_card_that_somebody_wrote_stays(hub, trained):
    trained.push("user/name")
    files = hub.files("user/name")
    files["README.md"] = files["README.md"].replace(b"# name", b"# edited")
    trained.push("user/name")
    assert b"# name" in files["README.md"], "it has priorkit's mark"
    files["README.md"] = b"# my own"
    files["config.toml"] = b"old"
    with pytest.warns(RunFolderWarning, match=r"README.md that priorkit has not written; it stays unchanged"):
        trained.push("user/name")
    assert files["README.md"] == b"# my own"
    assert files["config.toml"] != b"old"


def test_what_others_push_meanwhile_is_not_overwritten(hub, trained, monkeypatch):
    trained.push("user/name")
    files = hub.files("user/name")

    def meanwhile(*arguments):
        files["notes.md"] = b"theirs"
        return operations(*arguments)

    operations = publishing._operations
    monkeypatch.setattr(publishing, "_operations", meanwhile)
    with pytest.raises(HubError, match=r"somebody else has changed .* meanwhile"):
        trained.push("user/name", message="second")
    assert "second" not in hub.messages
