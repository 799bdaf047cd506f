"""Deprecated names work and warn until the announced version, and are gone from that version on."""

import importlib
import pkgutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType

import pytest
from pydantic import Field

import priorkit
from priorkit.config import RunConfig, config_to_toml, merge_settings, resolve_config
from priorkit.deprecation import (
    Deprecated,
    DeprecatedOptionWarning,
    deprecated_attributes,
    overdue,
    with_current_names,
)
from priorkit.plugins import KINDS, Component, Options
from priorkit.registry import LoadedPlugin, Registry, installed_plugins

WIDTH = Deprecated("width", since="0.2", gone="0.4", distribution="acme")


class BoxOptions(Options):
    renamed_options = MappingProxyType({"size": WIDTH})

    width: float = Field(1.0, gt=0, description="a width")


@pytest.fixture
def registry() -> Registry:
    box = Component("box", BoxOptions, lambda options, context: None, summary="a box", source="a test")
    plugins = list(installed_plugins().plugins)
    return Registry([*plugins, LoadedPlugin("box", "acme", "0.2", (("prior", box),), ())], [])


def declared() -> Iterator[tuple[str, Deprecated]]:
    """Returns all deprecations of priorkit and its built-in plug-ins, with where they are declared."""
    components = [item.component for kind in KINDS for item in installed_plugins().components(kind.slot)]
    for owner in {RunConfig, *(component.options for component in components)}:
        yield from (
            (f"{owner.__module__}.{owner.__name__} {name}", item) for name, item in owner.renamed_options.items()
        )
    for item in pkgutil.walk_packages(priorkit.__path__, "priorkit."):
        if not item.name.endswith(".__main__"):
            yield from _declared_in(importlib.import_module(item.name))


def _declared_in(module: ModuleType) -> Iterator[tuple[str, Deprecated]]:
    for key, value in vars(module).items():
        if isinstance(value, Mapping):
            yield from ((f"{module.__name__}.{key} {n}", item) for n, item in value.items() if _is_deprecated(item))


def _is_deprecated(item: object) -> bool:
    return isinstance(item, Deprecated)


def test_nothing_has_outlived_the_version_that_it_goes_in() -> None:
    own = [(what, item) for what, item in declared() if item.distribution == "priorkit"]
    assert overdue(own, priorkit.__version__) == []


def test_what_is_declared_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = {"learning_speed": Deprecated("learning_rate", since="0.1", gone="0.2")}
    names = {"fetch": Deprecated("priorkit.runs:pull", since="0.1", gone="0.3")}
    hooks = {"priorkit_prior_list": Deprecated("priorkit_priors", since="0.1", gone="0.4")}
    monkeypatch.setattr(RunConfig, "renamed_options", renamed)
    monkeypatch.setattr("priorkit.deprecation.FORMER_NAMES", names)
    monkeypatch.setattr("priorkit.plugins.hooks.RENAMED_HOOKS", hooks)
    found = dict(declared())
    assert {*renamed.values(), *names.values(), *hooks.values()} <= set(found.values())
    assert overdue(found.items(), "0.2.0.dev1") == [
        "priorkit.config.run_config.RunConfig learning_speed goes in priorkit 0.2, and this is 0.2.0.dev1: remove it"
    ]


@pytest.mark.parametrize(
    ("version", "gone"), [("0.3.9", False), ("0.4.0.dev1", True), ("0.4", True), ("0.4.0", True), ("0.10", True)]
)
def test_the_version_that_it_goes_in(version: str, gone: bool) -> None:
    assert WIDTH.is_gone(version) is gone
    assert len(overdue([("size", WIDTH)], version)) == gone


@pytest.mark.parametrize("gone", ["0.2", "0.1.9"])
def test_it_stays_for_some_time(gone: str) -> None:
    with pytest.raises(ValueError, match="expected a later version"):
        Deprecated("width", since="0.2", gone=gone)


def test_a_former_name_of_a_module_leads_to_what_it_was() -> None:
    attribute = deprecated_attributes("acme", {"fetch": Deprecated("priorkit.runs:pull", since="0.2", gone="0.4")})
    with pytest.warns(
        DeprecationWarning, match=r"acme\.fetch is deprecated since priorkit 0\.2 and goes in 0\.4"
    ) as got:
        assert attribute("fetch") is priorkit.pull
    assert str(got[0].message).endswith("; use 'priorkit.runs.pull'")
    assert got[0].filename == __file__
    with pytest.raises(AttributeError, match="module 'acme' has no attribute 'other'"):
        attribute("other")


def test_priorkit_itself_may_have_former_names(monkeypatch: pytest.MonkeyPatch) -> None:
    former = {"fetch": Deprecated("priorkit.runs:pull", since="0.2", gone="0.4")}
    monkeypatch.setattr("priorkit.deprecation.FORMER_NAMES", former)
    with pytest.warns(DeprecationWarning, match=r"priorkit\.fetch is deprecated"):
        assert priorkit.fetch is priorkit.pull  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="'priorkit' has no attribute 'fetched'"):
        priorkit.fetched  # type: ignore[attr-defined]  # noqa: B018


def test_an_option_by_its_former_name() -> None:
    with pytest.warns(
        DeprecatedOptionWarning, match=r"'size' is deprecated since acme 0\.2 and goes in 0\.4; use 'wid"
    ):
        options = BoxOptions.model_validate({"size": 2.0})
    assert options.model_dump() == {"width": 2.0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert BoxOptions(width=2.0) == options


def test_a_run_keeps_the_current_name_and_warns_once(registry: Registry) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        config = RunConfig.model_validate({"prior": {"name": "box", "size": 3}})
        for _ in range(2):
            resolved = resolve_config(config, registry)
    assert [str(item.message) for item in caught] == [
        "the option 'size' of prior 'box' is deprecated since acme 0.2 and goes in 0.4; use 'width'"
    ]
    assert caught[0].filename == __file__
    assert tomllib.loads(config_to_toml(resolved))["prior"] == {"name": "box", "width": 3.0}


def test_a_setting_of_a_run_by_its_former_name(monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = {"learning_speed": Deprecated("learning_rate", since="0.2", gone="0.4")}
    monkeypatch.setattr(RunConfig, "renamed_options", renamed)
    with pytest.warns(DeprecatedOptionWarning, match="'learning_speed' is deprecated since priorkit 0.2"):
        config = RunConfig.model_validate({"learning_speed": 0.5})
    assert config.learning_rate == 0.5
    assert "learning_speed" not in config_to_toml(config)
    for lower, upper in [("learning_speed", "learning_rate"), ("learning_rate", "learning_speed")]:
        with pytest.warns(DeprecatedOptionWarning):
            assert merge_settings({lower: 0.1}, {upper: 0.2}) == {"learning_rate": 0.2}


@pytest.mark.parametrize("names", [("size", "width"), ("width", "size"), ("size", "size")])
def test_what_is_laid_over_another_counts_by_whichever_name(names: tuple[str, str]) -> None:
    lower, upper = names
    merged = merge_settings({"prior": {"name": "box", lower: 1}}, {"prior": {upper: 2}})["prior"]
    third = merge_settings({"prior": merged}, {"prior": {"width": 3}})["prior"]
    both = "" if lower == upper else r" \(both are given, and 2 counts\)"
    with pytest.warns(DeprecatedOptionWarning, match=f"the option 'size'{both} is deprecated"):
        assert with_current_names(merged, BoxOptions.renamed_options) == {"name": "box", "width": 2}
    with pytest.warns(DeprecatedOptionWarning):
        assert with_current_names(third, BoxOptions.renamed_options)["width"] == 3


def test_python_shows_a_script_the_line_that_is_to_change(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "from priorkit.config import RunConfig\n"
        "from priorkit.deprecation import Deprecated\n"
        "RunConfig.renamed_options = {'speed': Deprecated('learning_rate', since='0.2', gone='0.4')}\n"
        "for _ in range(3):\n"
        "    RunConfig(speed=0.5)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stderr.count("is deprecated") == 1
    assert f"{script}:5: DeprecatedOptionWarning: the option 'speed' is deprecated" in done.stderr
