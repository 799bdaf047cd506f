import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from priorkit.config import read_toml
from priorkit.registry import installed_plugins
from priorkit.runs import RunFolder
from priorkit.runs.sharing.gathering import gather
from priorkit.runs.sharing.local_paths import without_local_paths


def _reduced(settings: dict[str, Any], *, resumable: bool = False) -> dict[str, Any]:
    return without_local_paths(settings, installed_plugins(), resumable=resumable)


@pytest.mark.parametrize(
    ("slot", "name", "option"),
    [
        ("extractor", "torchscript", "file"),
        ("extractor", "inception", "weights"),
        ("text_encoder", "sentence-transformer", "path"),
    ],
)
@pytest.mark.parametrize("path", ["/home/secret/net.pt", "../secret/net.pt", "secret/net.pt", "C:\\secret\\net.pt"])
def test_options_that_are_paths_have_their_last_part(slot: str, name: str, option: str, path: str) -> None:
    assert _reduced({slot: {"name": name, option: path}}) == {slot: {"name": name, option: "net.pt"}}


@pytest.mark.parametrize("path", ["/home/secret/x", "~/secret/x", "C:\\Users\\secret\\x", "\\\\secret\\share\\x"])
def test_absolute_paths_go_where_nobody_knows_the_component(path: str) -> None:
    found = _reduced(
        {"phases": [{"name": "of-nobody", "files": [path]}, "other"], "prior": {"name": "of-nobody", "a": path}}
    )
    assert found == {
        "phases": [{"name": "of-nobody", "files": ["x"]}, "other"],
        "prior": {"name": "of-nobody", "a": "x"},
    }


def test_other_values_stay_as_they_are() -> None:
    settings = {"steps": 3, "prior": {"name": "learned", "noise_dim": 4}, "average": 0.5, "stages": [{"phases": ["a"]}]}
    assert _reduced({**settings, "data_dir": "/secret"}) == settings
    assert _reduced({"fitted_to": "/secret/run"}) == {"fitted_to": "run"}
    assert _reduced({"data_dir": "/x", "fitted_to": "/y/run"}, resumable=True) == {"fitted_to": "/y/run"}


def test_no_file_that_is_shared_tells_them(folder: RunFolder) -> None:
    settings = read_toml(folder.config)
    assert settings["extractor"]["name"]
    settings["extractor"] = {"name": "torchscript", "file": str(Path("/home/secret/net.pt"))}
    folder.config.write_text(tomli_w.dumps(settings))
    score = {"name": "fid", "label": "FID", "value": 1.0}
    evaluation = {"checkpoint": "step-00000006", "scores": [score], "extractor": settings["extractor"]}
    folder.scores.write_text(json.dumps({"evaluations": [evaluation]}))
    diagnosis = {"checkpoint": "step-00000006", "run": "secret/run", "findings": []}
    folder.diagnosis.write_text(json.dumps(diagnosis))
    contents = gather(folder, folder.find_checkpoint())
    for name, content in contents.items():
        assert not isinstance(content, bytes) or b"secret" not in content, name
    assert {"scores.json", "diagnosis.json"} <= contents.keys()
    assert b"net.pt" in contents["config.toml"]  # type: ignore[operator]
