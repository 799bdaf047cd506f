"""What plug-ins supply: the records, and every component that is installed."""

import dataclasses
import json
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from pydantic import Field, ValidationError

from priorkit.plugins import KINDS, Component, Options, Recipe, kind_named
from priorkit.registry import Registered, installed_plugins

INSTALLED = [
    item
    for kind in KINDS
    for item in installed_plugins().components(kind.slot)
    if item.component.options.__module__.startswith("priorkit_plugins.")
]
BUILT_IN = [plugin for plugin in installed_plugins().plugins if plugin.distribution == "priorkit"]

every_component = pytest.mark.parametrize(
    "item", INSTALLED, ids=[f"{item.slot}-{item.component.name}" for item in INSTALLED]
)


class ThresholdOptions(Options):
    threshold: float = Field(0.5, description="a threshold")
    limit: float = Field(1.0, allow_inf_nan=True, description="a limit, or none if it is infinite")


def test_options_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ThresholdOptions().threshold = 1.0  # type: ignore[misc]
    assert hash(ThresholdOptions()) == hash(ThresholdOptions(threshold=0.5))


@pytest.mark.parametrize("given", [{"treshold": 1}, {"threshold": "low"}, {"threshold": "nan"}, {"threshold": "inf"}])
def test_options_are_checked(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ThresholdOptions.model_validate(given)


def test_a_field_may_ask_for_infinity() -> None:
    assert ThresholdOptions.model_validate({"limit": "inf"}).limit == float("inf")


def test_a_default_of_options_is_checked_too() -> None:
    class ImpossibleOptions(Options):
        width: int = Field(0, ge=1, description="a width")

    with pytest.raises(ValidationError, match="width"):
        ImpossibleOptions()


@pytest.mark.parametrize("record", [Component("a", Options, print, "b", "c"), Recipe("a", "b", "c")])
def test_records_do_not_change(record: Component[None] | Recipe) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.name = "b"  # type: ignore[misc]


def test_a_recipe_may_keep_every_default() -> None:
    assert Recipe("plain", "a recipe", "a test").settings == {}


def test_there_is_a_component_of_every_kind() -> None:
    assert {item.slot for item in INSTALLED} == {kind.slot for kind in KINDS}


@every_component
def test_a_component_says_what_it_is(item: Registered) -> None:
    component = item.component
    for text in (component.summary, component.source):
        assert text.strip() == text
        assert len(text) > 3
        assert "\n" not in text
    assert not component.summary.endswith("."), "summaries stand in a table"
    assert len({other.component.summary for other in INSTALLED if other.slot == item.slot}) == len(
        [other for other in INSTALLED if other.slot == item.slot]
    )


@every_component
def test_options_are_closed_and_described(item: Registered) -> None:
    options = item.component.options
    assert options.model_config["frozen"]
    assert options.model_config["extra"] == "forbid"
    for name, field in options.model_fields.items():
        assert not field.is_required(), name
        assert field.description, name
        assert field.description.strip() == field.description
        assert "\n" not in field.description
        # A key that a TOML file leaves out, as it must for None, means the default.
        values = options.model_json_schema()["properties"][name].get("anyOf", [])
        if any(value.get("type") == "null" for value in values):
            assert field.default is None, name
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        options.model_validate({"no_such_option": 1})


@every_component
def test_default_options_survive_a_toml_file(item: Registered) -> None:
    options = item.component.options()
    plain = {key: value for key, value in options.model_dump(mode="json").items() if value is not None}
    assert item.component.options.model_validate(tomllib.loads(tomli_w.dumps(plain))) == options


@every_component
def test_built_in_components_come_like_anybody_elses(item: Registered) -> None:
    assert item.distribution == "priorkit"
    assert item.version == metadata.version("priorkit")


def test_entry_modules_import_nothing_heavy(tmp_path: Path) -> None:
    program = """
import json, sys
from importlib import import_module, metadata
targets = [entry.value for entry in metadata.entry_points(group="priorkit") if entry.dist.name == "priorkit"]
for target in targets:
    import_module(target)
import priorkit, priorkit.config, priorkit.plugins
heavy = ("torch", "torchvision", "numpy", "scipy", "sklearn", "PIL", "tensorboard", "matplotlib")
print(json.dumps({"targets": targets, "heavy": [name for name in heavy if name in sys.modules]}))
"""
    # Away from the checkout, so that only what is installed is found.
    command = [sys.executable, "-c", program]
    result = subprocess.run(
        command, check=True, capture_output=True, cwd=tmp_path, env=dict(os.environ), text=True, timeout=60
    )
    found = json.loads(result.stdout)
    assert found["heavy"] == []
    assert len(found["targets"]) == len(BUILT_IN) > 1


@pytest.mark.parametrize("plugin", BUILT_IN, ids=[plugin.entry_point for plugin in BUILT_IN])
def test_a_plugin_supplies_something(plugin: Any) -> None:
    assert plugin.components or plugin.recipes
    for slot, _ in plugin.components:
        assert kind_named(slot).slot == slot
