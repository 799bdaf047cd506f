"""The configuration of a run."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from priorkit.config import ComponentChoice, LearningRates, RunConfig, choices_of
from priorkit.registry import installed_plugins


def test_every_setting_has_a_default() -> None:
    assert RunConfig() == RunConfig.model_validate({})


def test_a_key_that_toml_leaves_out_means_its_default() -> None:
    for model in (RunConfig, LearningRates):
        for name, value in model().model_dump().items():
            if value is None:
                continue
            with pytest.raises(ValidationError):
                model.model_validate({name: None})


def test_the_default_components_are_installed() -> None:
    for kind, choice in choices_of(RunConfig()):
        assert installed_plugins().get(kind.slot, choice.name).distribution == "priorkit"
        assert choice.options == {}


@pytest.mark.parametrize(
    ("given", "name", "options"),
    [
        ("learned", "learned", {}),
        ({"name": "learned"}, "learned", {}),
        ({"name": "learned", "noise_dim": 3}, "learned", {"noise_dim": 3}),
        ({"name": "learned", "options": {"noise_dim": 3}}, "learned", {"noise_dim": 3}),
        (ComponentChoice(name="learned", options={"noise_dim": 3}), "learned", {"noise_dim": 3}),
        ("acme:learned", "acme:learned", {}),
    ],
)
def test_ways_to_choose_a_component(given: Any, name: str, options: dict[str, Any]) -> None:
    choice = RunConfig(prior=given).prior
    assert (choice.name, choice.options) == (name, options)
    assert choice.model_dump() == {"name": name, **options}
    assert ComponentChoice.model_validate(choice.model_dump()) == choice


@pytest.mark.parametrize(
    "given", [None, 3, ["learned"], {}, {"noise_dim": 3}, {"options": {}}, {"name": 3}, {"name": None, "options": {}}]
)
def test_what_chooses_no_component(given: Any) -> None:
    with pytest.raises(ValidationError, match="expected a name, or a table with the key `name`"):
        RunConfig(prior=given)


def test_configurations_do_not_change() -> None:
    for frozen, field in ((RunConfig(), "seed"), (LearningRates(), "encoder"), (RunConfig().prior, "name")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(frozen, field, 1)


@pytest.mark.parametrize("value", [1, "1", 3, "3"])
def test_channels_may_come_as_text(value: object) -> None:
    assert RunConfig(channels=value).channels == int(str(value))


@pytest.mark.parametrize("value", [0, 2, "2", "three", "²", 1.5])
def test_other_channels_are_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="Input should be 1 or 3"):
        RunConfig(channels=value)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:13", "mps"])
def test_devices(device: str) -> None:
    assert RunConfig(device=device).device == device


@pytest.mark.parametrize(
    "device",
    [
        "",
        "gpu",
        "CPU",
        "cuda:",
        "cuda:x",
        "cuda:-1",
        "cpu:0",
        "auto:1",
        "mps:0",
        "cuda 1",
        "cuda:01",
        "cuda:²",
        "cuda:100",
        "cpu\n",
    ],
)
def test_other_devices_are_refused(device: str) -> None:
    with pytest.raises(ValidationError, match="expected auto, cpu, cuda, cuda:N or mps"):
        RunConfig(device=device)


def test_the_home_folder_can_be_abbreviated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert RunConfig(data_dir="~/images").data_dir == tmp_path / "images"
    assert RunConfig(data_dir=Path("images")).data_dir == Path("images")


def test_nobody_has_no_home_folder() -> None:
    with pytest.raises(ValidationError, match="no user of this name has a home folder"):
        RunConfig(data_dir="~no-such-user-here/images")


@pytest.mark.parametrize("value", ["inf", "nan", float("inf"), float("nan")])
@pytest.mark.parametrize("name", [name for name, info in RunConfig.model_fields.items() if info.annotation is float])
def test_numbers_are_finite(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        RunConfig.model_validate({name: value})


def test_times_are_read() -> None:
    assert RunConfig(max_time="1h30m").max_time == 5400.0
    assert RunConfig(max_time=90).max_time == 90.0
