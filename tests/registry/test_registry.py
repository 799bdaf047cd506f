"""Looking components and recipes up by name."""

import warnings
from typing import Any

import pytest

from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.plugins import Component, Options, PluginWarning, Recipe
from priorkit.registry import FailedPlugin, LoadedPlugin, Registered, Registry, installed_plugins

FAILURES = (
    FailedPlugin("flows", "acme-flows", "1.2", "acme_flows", "ImportError: no"),
    FailedPlugin("mixtures", "zoo", "3", "zoo.mixtures", "ImportError: no"),
)


def plugin(
    distribution: str, components: dict[str, tuple[str, ...]] | None = None, recipes: tuple[str, ...] = ()
) -> LoadedPlugin:
    """A plug-in whose components build its distribution's name, and whose recipes say it."""
    records = [
        (slot, Component(name, Options, lambda *_: distribution, "a component", "a test"))
        for slot, names in (components or {}).items()
        for name in names
    ]
    made = tuple(Recipe(name, "a recipe", "a test", {"from": distribution}) for name in recipes)
    return LoadedPlugin("plugin", distribution, "1.0", tuple(records), made)


HINT = (
    "Is its plug-in installed, and does its pyproject.toml name it under [project.entry-points.priorkit]? "
    "`priorkit plugins` lists what was found."
)


def maker(registered: Registered) -> Any:
    return registered.component.build(Options(), None)


@pytest.fixture
def registry() -> Registry:
    return Registry(
        [
            plugin(
                "priorkit", {"prior": ("gaussian", "learned"), "encoder": ("gaussian",), "loss": ("pixel",)}, ("vae",)
            ),
            plugin("acme", {"prior": ("gaussian", "flow"), "regularizer": ("mmd",)}, ("vae", "flow")),
            plugin("zoo", {"prior": ("flow", "zebra"), "loss": ("mmd",)}, ("flow", "zebra")),
        ]
    )


def test_every_component_has_an_address(registry: Registry) -> None:
    addresses = [item.qualified_name for item in registry.components("prior")]
    # By name; of one name, priorkit's own comes first.
    assert addresses == [
        "acme:flow",
        "zoo:flow",
        "priorkit:gaussian",
        "acme:gaussian",
        "priorkit:learned",
        "zoo:zebra",
    ]
    assert registry.names("prior") == ["flow", "gaussian", "learned", "zebra"]
    for address in addresses:
        found = registry.get("prior", address)
        assert found.qualified_name == address
        assert found.slot == "prior"
        assert found.version == "1.0"
        assert maker(found) == address.partition(":")[0]


def test_a_name_that_only_one_has_needs_no_distribution(registry: Registry) -> None:
    assert maker(registry.get("prior", "learned")) == "priorkit"
    assert maker(registry.get("prior", "zebra")) == "zoo"
    assert maker(registry.get("encoder", "gaussian")) == "priorkit"


def test_priorkit_wins_a_bare_name_and_says_so(registry: Registry) -> None:
    with pytest.warns(PluginWarning, match="prior 'gaussian' comes from several plug-ins") as warned:
        found = registry.get("prior", "gaussian")
    assert maker(found) == "priorkit"
    (warning,) = warned
    assert "priorkit:gaussian, acme:gaussian" in str(warning.message)
    assert warning.filename == __file__


def test_a_clash_without_priorkit_is_an_error(registry: Registry) -> None:
    with pytest.raises(UnknownComponentError) as error:
        registry.get("prior", "flow")
    assert str(error.value) == "prior 'flow' is ambiguous: say which one, acme:flow, zoo:flow"


def test_a_name_with_its_distribution_is_no_clash(registry: Registry) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert maker(registry.get("prior", "priorkit:gaussian")) == "priorkit"
        assert maker(registry.get("prior", "acme:gaussian")) == "acme"
        assert maker(registry.get("prior", "zoo:flow")) == "zoo"


def test_a_clash_within_a_distribution_is_an_error() -> None:
    registry = Registry([plugin("acme", {"prior": ("flow",)}), plugin("acme", {"prior": ("flow",)})])
    for name in ("flow", "acme:flow"):
        with pytest.raises(UnknownComponentError, match="prior 'acme:flow' is ambiguous: 2 plug-ins of acme supply it"):
            registry.get("prior", name)


@pytest.mark.parametrize(
    ("slot", "name", "message"),
    [
        (
            "prior",
            "gausian",
            "unknown prior 'gausian'; did you mean 'gaussian'? Known: flow, gaussian, learned, zebra.",
        ),
        ("prior", "xyzzy", "unknown prior 'xyzzy'. Known: flow, gaussian, learned, zebra."),
        (
            "prior",
            "pixel",
            "unknown prior 'pixel' ('pixel' goes with --loss). Known: flow, gaussian, learned, zebra.",
        ),
        ("encoder", "mmd", "unknown encoder 'mmd' ('mmd' goes with --regularizer or --loss). Known: gaussian."),
        (
            "prior",
            "zoo:gaussian",
            "unknown prior 'zoo:gaussian'; did you mean 'priorkit:gaussian' or 'acme:gaussian'? "
            "Known: flow, gaussian, learned, zebra.",
        ),
        (
            "prior",
            "acme:lerned",
            "unknown prior 'acme:lerned'; did you mean 'learned'? Known: flow, gaussian, learned, zebra.",
        ),
        ("loss", "Pixel", "unknown reconstruction loss 'Pixel'; did you mean 'pixel'? Known: mmd, pixel."),
        ("dataset", "mnist", "unknown data set 'mnist'. Known: none."),
    ],
)
def test_an_unknown_name_is_explained(registry: Registry, slot: str, name: str, message: str) -> None:
    with pytest.raises(UnknownComponentError) as error:
        registry.get(slot, name)
    assert str(error.value) == f"{message} {HINT}"
    assert isinstance(error.value, ConfigurationError)


def test_plugins_that_failed_are_named_where_a_name_is_missing() -> None:
    registry = Registry([plugin("priorkit", {"prior": ("gaussian",)})], FAILURES)
    broken = f"Plug-ins that could not be loaded: flows (acme-flows), mixtures (zoo). {HINT}"
    with pytest.raises(UnknownComponentError) as error:
        registry.get("prior", "flow")
    assert str(error.value) == f"unknown prior 'flow'. Known: gaussian. {broken}"
    with pytest.raises(UnknownComponentError) as error:
        registry.recipe("flow")
    assert str(error.value).endswith(broken)


def test_an_unknown_kind_is_our_own_mistake(registry: Registry) -> None:
    with pytest.raises(KeyError):
        registry.get("priors", "gaussian")


def test_recipes(registry: Registry) -> None:
    assert [recipe.name for recipe in registry.recipes()] == ["flow", "vae", "zebra"]
    assert registry.recipe("zebra").settings == {"from": "zoo"}


def test_recipes_clash_like_components(registry: Registry) -> None:
    with pytest.warns(
        PluginWarning, match=r"recipe 'vae' comes from several plug-ins \(priorkit:vae, acme:vae\)"
    ) as warned:
        assert registry.recipe("vae").settings == {"from": "priorkit"}
    assert warned[0].filename == __file__
    assert registry.recipe("acme:vae").settings == {"from": "acme"}
    with pytest.raises(UnknownComponentError, match="recipe 'flow' is ambiguous: say which one, acme:flow, zoo:flow"):
        registry.recipe("flow")
    assert registry.recipe("zoo:flow").settings == {"from": "zoo"}


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("vea", "unknown recipe 'vea'; did you mean 'vae'? Known: flow, vae, zebra. "),
        ("zoo:vae", "unknown recipe 'zoo:vae'; did you mean 'priorkit:vae' or 'acme:vae'? Known: flow, vae, zebra. "),
        ("settings", "unknown recipe 'settings'. Known: flow, vae, zebra. "),
    ],
)
def test_an_unknown_recipe_is_explained(registry: Registry, name: str, start: str) -> None:
    with pytest.raises(UnknownComponentError) as error:
        registry.recipe(name)
    assert str(error.value) == f"{start}A path to a configuration must end in .toml. {HINT}"


def test_an_empty_registry_knows_nothing() -> None:
    registry = Registry([])
    assert registry.components("prior") == []
    assert registry.recipes() == []
    with pytest.raises(UnknownComponentError, match=r"unknown prior 'learned'\. Known: none\."):
        registry.get("prior", "learned")
    with pytest.raises(UnknownComponentError, match=r"unknown recipe 'vae'\. Known: none\."):
        registry.recipe("vae")


def test_installed_plugins_are_loaded_once() -> None:
    registry = installed_plugins()
    assert registry is installed_plugins()
    assert not registry.failures
    for loaded in registry.plugins:
        for slot, component in loaded.components:
            assert registry.get(slot, f"{loaded.distribution}:{component.name}").component is component
