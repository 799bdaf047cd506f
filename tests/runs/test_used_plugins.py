import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from priorkit.config import RunConfig
from priorkit.errors import UnknownComponentError
from priorkit.plugins import KINDS, Component, PluginWarning
from priorkit.registry import LoadedPlugin, Registry, installed_plugins
from priorkit.runs import RunFolder, load_run, prepare_resumed
from priorkit.runs.used_plugins import needed_distributions, registered_components, require_plugins, with_used_plugins


@pytest.fixture
def used(folder: RunFolder) -> dict[str, Any]:
    return folder.read_environment()


@pytest.fixture
def and_another(registry: Registry, make_component: Callable[..., Component[Any]]) -> Callable[..., Registry]:
    """Adds a distribution with networks of the name that the run's have; they build nothing."""

    def make(plugins: Sequence[LoadedPlugin] = tuple(registry.plugins)) -> Registry:
        other = LoadedPlugin("b", "dist-b", "1.0", (("networks", make_component("normed", lambda *_: None)),), ())
        return Registry([*plugins, other])

    return make


def of_version(registry: Registry, version: str) -> Registry:
    return Registry(
        [
            LoadedPlugin(plugin.entry_point, plugin.distribution, version, plugin.components, plugin.recipes)
            for plugin in registry.plugins
        ]
    )


def test_what_is_here_is_no_trouble(used: dict[str, Any], registry: Registry) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        require_plugins(Path("run"), used, registry)


def test_missing_plugins_are_named(used: dict[str, Any]) -> None:
    expected = r"networks 'normed' of priorkit-tests 1\.0, data set 'tiny' of priorkit-tests 1\.0, which"
    with pytest.raises(UnknownComponentError, match=expected):
        require_plugins(Path("run"), used, installed_plugins())
    with pytest.raises(UnknownComponentError) as caught:
        require_plugins(Path("run"), used, Registry([]))
    # A run can be used without the extractor that scored it.
    assert all((f"{kind.title} '" in str(caught.value)) == (kind.slot != "extractor") for kind in KINDS)


def test_another_distribution_with_that_name_does_not_do(
    folder: RunFolder, and_another: Callable[..., Registry]
) -> None:
    registry = and_another(installed_plugins().plugins)
    for attempt in (load_run, prepare_resumed):
        with pytest.raises(UnknownComponentError, match=r"networks 'normed' of priorkit-tests 1\.0"):
            attempt(folder.path, registry=registry)


def test_beside_another_distribution_the_runs_own_is_built(
    folder: RunFolder, and_another: Callable[..., Registry], registry: Registry
) -> None:
    both = and_another()
    assert load_run(folder.path, device="cpu", registry=both).config.networks.name == "priorkit-tests:normed"
    assert prepare_resumed(folder.path, {"steps": 7}, registry=both).run().steps == 7
    # And again without the other one.
    assert prepare_resumed(folder.path, {"steps": 8}, registry=registry).run().steps == 8


def test_names_are_qualified_only_where_they_must_be(
    used: dict[str, Any], run_config: Callable[..., RunConfig], registry: Registry, and_another: Callable[..., Registry]
) -> None:
    config = run_config()
    assert with_used_plugins(config, used, registry) == config
    qualified = with_used_plugins(config, used, and_another())
    assert qualified.networks.options == config.networks.options
    assert with_used_plugins(qualified, used, registry) == config


def test_another_version_is_a_warning_of_one_line(folder: RunFolder, registry: Registry) -> None:
    newer = of_version(registry, "2.0")
    for attempt in (
        lambda: load_run(folder.path, device="cpu", registry=newer),
        lambda: prepare_resumed(folder.path, {"steps": 9}, registry=newer),
    ):
        with pytest.warns(PluginWarning, match=r"priorkit-tests 1\.0, and 2\.0 is installed now") as caught:
            attempt()
        # One for all components of a distribution, and none for priorkit's own.
        assert len(caught) == 1
        assert "\n" not in str(caught[0].message)


def test_what_python_gave_or_registered_is_of_no_distribution():
    def used(name, distribution, version="1.0"):
        return {"name": name, "distribution": distribution, "version": version}

    environment = {
        "components": {
            "dataset": used("given", "given", ""),
            "prior": used("mine", "registered", ""),
            "encoder": used("theirs", "others"),
            "networks": used("conv", "priorkit"),
            "phases": [used("twice", "registered", ""), used("autoencoder", "priorkit")],
        }
    }
    assert needed_distributions(environment) == {"others": "1.0"}
    assert set(registered_components(environment)) == {"prior mine", "phase twice"}
