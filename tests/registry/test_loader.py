"""Loading plug-ins: the sound ones, in spite of the broken ones."""

import os
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from priorkit.deprecation import Deprecated
from priorkit.plugins import PluginWarning
from priorkit.registry import FailedPlugin, Registry, load_plugins

BROKEN = {
    "raises": ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    "raises-over-two-lines": ("raise RuntimeError('first\\n    second')", "RuntimeError: first second"),
    "syntax-error": ("def (:", "SyntaxError: invalid syntax"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "missing-import": ("import no_such_module_anywhere", "ModuleNotFoundError: No module named"),
    "no-hooks": ("priorkit_priors = None", "it implements none of priorkit's hooks"),
    "forgotten-mark": ("def priorkit_priors():\n    return []", "are they marked with @hookimpl?"),
    "misspelt-hook": (
        "from priorkit.plugins import hookimpl\n@hookimpl\ndef priorkit_prior():\n    return []",
        "unknown hook 'priorkit_prior'",
    ),
    "wrong-arguments": (
        "from priorkit.plugins import hookimpl\n@hookimpl\ndef priorkit_priors(context):\n    return []",
        "Argument(s) {'context'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "hook-raises": (
        "from priorkit.plugins import hookimpl\n@hookimpl\ndef priorkit_priors():\n    return 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
}

RECORD = """
from priorkit.plugins import Component, Options, Recipe, hookimpl

class SomeOptions(Options):
    pass

class NamedOptions(Options):
    name: str = "x"

class RequiredOptions(Options):
    scale: float

class LenientOptions(Options, extra="ignore"):
    pass

class PlainOptions:
    pass

def component(name="some", options=SomeOptions, build=print, summary="a prior", source="a test"):
    return Component(name, options, build, summary, source)

@hookimpl
def {hook}():
    return {records}
"""

WRONG_RECORDS = [
    ("priorkit_priors", "['gaussian']", "TypeError: priorkit_priors() gave 'gaussian', not a Component"),
    (
        "priorkit_priors",
        "component()",
        "TypeError: priorkit_priors() gave one Component, not a list: return a list of them, [Component(...)]",
    ),
    ("priorkit_priors", "print", "priorkit_priors() gave <built-in function print>, not a list: return a list of them"),
    (
        "priorkit_recipes",
        "Recipe('a', 'b', 'c')",
        "priorkit_recipes() gave one Recipe, not a list: return a list of them",
    ),
    (
        "priorkit_priors",
        "[component(options=RequiredOptions)]",
        "the options of 'some' have a field 'scale' without a d",
    ),
    ("priorkit_priors", "[Recipe('some', 'a recipe', 'a test')]", "not a Component"),
    ("priorkit_recipes", "[component()]", "not a Recipe"),
    ("priorkit_priors", "[component(options=PlainOptions)]", "the options of 'some' are no subclass of Options"),
    ("priorkit_priors", "[component(options=SomeOptions())]", "the options of 'some' are no subclass of Options"),
    ("priorkit_priors", "[component(options=NamedOptions)]", "the options of 'some' have a field 'name'"),
    (
        "priorkit_priors",
        "[component(options=LenientOptions)]",
        "the options of 'some' take unknown keys (extra='ignore')",
    ),
    ("priorkit_priors", "[component(build=None)]", "the build of 'some' cannot be called"),
    ("priorkit_priors", "[component(summary='')]", "the summary of 'some' is '', not a line of text"),
    ("priorkit_priors", "[component(source=None)]", "the source of 'some' is None, not a line of text"),
    ("priorkit_priors", "[component(), component()]", "priorkit_priors() gave 2 records of the name 'some'"),
    ("priorkit_recipes", "[Recipe('some', 'a recipe', '')]", "the source of 'some' is '', not a line of text"),
    ("priorkit_recipes", "[Recipe('some', 'a', 'b', ['c'])]", "the settings of 'some' are no mapping"),
    ("priorkit_recipes", "[Recipe('some', 'a', 'b')] * 3", "priorkit_recipes() gave 3 records of the name 'some'"),
]


def broken_but_loaded(folder: Any, source: str) -> FailedPlugin:
    """Loads a broken plug-in between two sound ones, checks that these work, and returns the failure."""
    folder.install_prior("acme-before", "before", entry_point="first")
    module = folder.install("acme-broken", source, entry_point="culprit", version="2.3")
    folder.install_prior("acme-later", "later", entry_point="last")
    with pytest.warns(PluginWarning) as warned:
        loaded, failed = folder.load()
    assert [plugin.entry_point for plugin in loaded] == ["first", "last"]
    assert Registry(loaded, failed).names("prior") == ["before", "later"]
    (failure,) = failed
    assert (failure.entry_point, failure.distribution, failure.version) == ("culprit", "acme-broken", "2.3")
    assert failure.target == module
    assert "\n" not in failure.error
    (warning,) = warned
    assert all(text in str(warning.message) for text in ("'culprit'", "acme-broken 2.3", failure.error))
    return failure


def test_a_sound_plugin(plugin_folder: Any) -> None:
    plugin_folder.install_prior("acme", "sound", entry_point="sound-priors", version="4.5")
    (plugin,), failed = plugin_folder.load()
    assert failed == []
    assert (plugin.entry_point, plugin.distribution, plugin.version) == ("sound-priors", "acme", "4.5")
    ((slot, component),) = plugin.components
    assert slot == "prior"
    assert component.name == "sound"
    assert component.build(component.options(), None) == "acme"
    assert plugin.recipes == ()


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_stops_nothing_but_itself(plugin_folder: Any, what: str) -> None:
    source, error = BROKEN[what]
    assert error in broken_but_loaded(plugin_folder, source).error


@pytest.mark.parametrize(("hook", "records", "error"), WRONG_RECORDS)
def test_a_plugin_that_supplies_the_wrong_thing(plugin_folder: Any, hook: str, records: str, error: str) -> None:
    assert error in broken_but_loaded(plugin_folder, RECORD.format(hook=hook, records=records)).error


@pytest.mark.parametrize(
    "name", ["", "Learned", "learned prior", "learned_prior", "-learned", "a--b", "a:b", "a.toml", 3]
)
@pytest.mark.parametrize("hook", ["priorkit_priors", "priorkit_recipes"])
def test_names_are_lower_case_words_joined_by_hyphens(plugin_folder: Any, hook: str, name: object) -> None:
    made = "component(name={!r})" if hook == "priorkit_priors" else "Recipe({!r}, 'a recipe', 'a test')"
    failure = broken_but_loaded(plugin_folder, RECORD.format(hook=hook, records=f"[{made.format(name)}]"))
    assert f"{hook}(): the" in failure.error
    assert f"name {name!r} is not lower-case words joined by hyphens" in failure.error


def test_what_cannot_be_imported_is_a_failure(plugin_folder: Any) -> None:
    module = plugin_folder.install_prior("acme", "some")
    (plugin_folder.path / f"{module}.py").unlink()
    with pytest.warns(PluginWarning):
        loaded, (failure,) = plugin_folder.load()
    assert loaded == []
    assert failure.error == f"ModuleNotFoundError: No module named '{module}'"


@pytest.mark.parametrize("records", ["None", "[]", "()", "iter([])"])
def test_a_plugin_may_supply_nothing(plugin_folder: Any, records: str) -> None:
    plugin_folder.install("acme", RECORD.format(hook="priorkit_priors", records=records))
    (plugin,), failed = plugin_folder.load()
    assert failed == []
    assert plugin.components == ()


def test_a_hook_may_be_a_generator(plugin_folder: Any) -> None:
    plugin_folder.install(
        "acme", RECORD.format(hook="priorkit_priors", records="(component(name) for name in ('a', 'b'))")
    )
    (plugin,), _ = plugin_folder.load()
    assert [component.name for _, component in plugin.components] == ["a", "b"]


def test_one_plugin_may_supply_several_kinds(plugin_folder: Any) -> None:
    source = RECORD.format(hook="priorkit_priors", records="[component('a')]")
    for hook, records in (("priorkit_losses", "[component('a')]"), ("priorkit_recipes", "[Recipe('a', 'b', 'c')]")):
        source += f"\n@hookimpl\ndef {hook}():\n    return {records}\n"
    plugin_folder.install("acme", source)
    (plugin,), _ = plugin_folder.load()
    assert [(slot, component.name) for slot, component in plugin.components] == [("prior", "a"), ("loss", "a")]
    assert [recipe.name for recipe in plugin.recipes] == ["a"]


@pytest.fixture
def renamed_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = {"priorkit_prior_list": Deprecated("priorkit_priors", since="0.2", gone="0.4")}
    monkeypatch.setattr("priorkit.registry.loader.RENAMED_HOOKS", renamed)


@pytest.mark.usefixtures("renamed_hook")
def test_a_hook_by_its_former_name_works_and_is_noted(plugin_folder: Any) -> None:
    plugin_folder.install(
        "acme", RECORD.format(hook="priorkit_prior_list", records="[component('a')]"), entry_point="old"
    )
    said = "the hook 'priorkit_prior_list' of plug-in 'old' is deprecated since priorkit 0.2 and goes in 0.4"
    with pytest.warns(DeprecationWarning, match=said):
        (plugin,), failed = plugin_folder.load()
    assert failed == []
    assert [(slot, component.name) for slot, component in plugin.components] == [("prior", "a")]
    assert f"{said}; use 'priorkit_priors'" in plugin.notes


@pytest.mark.usefixtures("renamed_hook")
def test_a_plugin_for_earlier_versions_has_both_names_of_a_hook(plugin_folder: Any) -> None:
    source = RECORD.format(hook="priorkit_priors", records="[component('a')]")
    source += "\n@hookimpl\ndef priorkit_prior_list():\n    return [component('a')]\n"
    plugin_folder.install("acme", source)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (plugin,), _ = plugin_folder.load()
    assert [component.name for _, component in plugin.components] == ["a"]
    assert not any("deprecated" in note for note in plugin.notes)


def test_an_object_can_be_a_plugin(plugin_folder: Any) -> None:
    module = plugin_folder.install(
        "acme",
        """
from priorkit.plugins import Component, Options, hookimpl

class Plugin:
    @hookimpl
    def priorkit_priors(self):
        return [Component("some", Options, print, "a prior", "a test")]

plugin = Plugin()
""",
    )
    entry_points = next(plugin_folder.path.glob("*.dist-info")) / "entry_points.txt"
    entry_points.write_text(f"[priorkit]\nobject = {module}:plugin\n", encoding="utf-8")
    (plugin,), failed = plugin_folder.load()
    assert failed == []
    assert [component.name for _, component in plugin.components] == ["some"]


def test_a_distribution_without_a_name_stops_nothing(plugin_folder: Any) -> None:
    plugin_folder.install("nameless", "raise RuntimeError", entry_point="culprit", name=False)
    plugin_folder.install_prior("acme", "some")
    with pytest.warns(PluginWarning, match=r"'culprit' of \? \?"):
        (plugin,), (failure,) = plugin_folder.load()
    assert plugin.distribution == "acme"
    assert (failure.entry_point, failure.distribution, failure.version) == ("culprit", "?", "?")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {"one", "two", "three"}),
        ({"PRIORKIT_DISABLE_PLUGINS": "two"}, {"one", "three"}),
        ({"PRIORKIT_DISABLE_PLUGINS": "acme-extra"}, {"one"}),
        ({"PRIORKIT_DISABLE_PLUGINS": " one , three ,"}, {"two"}),
        ({"PRIORKIT_DISABLE_PLUGINS": ""}, {"one", "two", "three"}),
        ({"PRIORKIT_PLUGINS": "two"}, {"two"}),
        ({"PRIORKIT_PLUGINS": "acme-extra"}, {"two", "three"}),
        ({"PRIORKIT_PLUGINS": ""}, set()),
        ({"PRIORKIT_PLUGINS": "one,two", "PRIORKIT_DISABLE_PLUGINS": "one"}, {"two"}),
        # Names of distributions mean the same in any case, and with underscores.
        ({"PRIORKIT_PLUGINS": "Acme_Extra"}, {"two", "three"}),
        ({"PRIORKIT_DISABLE_PLUGINS": "Acme.Extra"}, {"one"}),
    ],
)
def test_what_the_environment_leaves_out_is_not_imported(
    plugin_folder: Any, environment: dict[str, str], expected: set[str]
) -> None:
    modules = {
        "one": plugin_folder.install_prior("acme", "one", entry_point="one"),
        "two": plugin_folder.install_prior("acme-extra", "two", entry_point="two"),
        "three": plugin_folder.install_prior("acme-extra", "three", entry_point="three"),
    }
    loaded, failed = plugin_folder.load(**environment)
    assert {plugin.entry_point for plugin in loaded} == expected
    assert failed == []
    assert {name for name, module in modules.items() if module in sys.modules} == expected


def test_a_broken_plugin_that_is_left_out_is_no_failure(plugin_folder: Any) -> None:
    plugin_folder.install("acme", "raise SystemExit", entry_point="culprit")
    assert plugin_folder.load(PRIORKIT_DISABLE_PLUGINS="culprit", PRIORKIT_STRICT_PLUGINS="1") == ([], [])


def test_strict_loading_stops_at_a_broken_plugin(plugin_folder: Any) -> None:
    plugin_folder.install("acme", "raise RuntimeError('no such luck')", entry_point="culprit", version="2.3")
    with pytest.raises(ImportError, match="PRIORKIT_STRICT_PLUGINS is set") as error:
        plugin_folder.load(PRIORKIT_STRICT_PLUGINS="1")
    assert all(text in str(error.value) for text in ("'culprit'", "acme 2.3", "RuntimeError: no such luck"))
    assert isinstance(error.value.__cause__, RuntimeError)


@pytest.mark.parametrize("value", ["", "0"])
def test_loading_is_not_strict_when_switched_off(plugin_folder: Any, value: str) -> None:
    plugin_folder.install("acme", "raise RuntimeError", entry_point="culprit")
    with pytest.warns(PluginWarning):
        _, failed = plugin_folder.load(PRIORKIT_STRICT_PLUGINS=value)
    assert len(failed) == 1


def test_ctrl_c_is_no_failure_of_a_plugin(plugin_folder: Any) -> None:
    plugin_folder.install("acme", "raise KeyboardInterrupt")
    with pytest.raises(
        KeyboardInterrupt, match=r"^interrupted while plug-in 'plugin' of acme 1\.0 was being loaded \("
    ):
        plugin_folder.load()


def test_ctrl_c_at_priorkits_own_start_blames_no_plugin(plugin_folder: Any) -> None:
    plugin_folder.install("priorkit", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt) as raised:
        plugin_folder.load()
    assert str(raised.value) == ""


@pytest.mark.parametrize("value", ["not a module!!", ".", "acme..plugin", ":plugin"])
def test_an_entry_point_that_names_no_module(plugin_folder: Any, value: str) -> None:
    plugin_folder.install_prior("acme", "some")
    entry_points = next(plugin_folder.path.glob("*.dist-info")) / "entry_points.txt"
    entry_points.write_text(f"[priorkit]\nculprit = {value}\n", encoding="utf-8")
    with pytest.warns(PluginWarning):
        _, (failure,) = plugin_folder.load()
    assert failure.error.startswith(f"ValueError: its entry point {value!r} names no module: 'package.module' or ")


@pytest.mark.parametrize("listed", ["", "{module}.py", "__editable__.acme-1.0.pth", "src/{module}.py"])
def test_a_module_may_be_installed_to_be_edited(plugin_folder: Any, listed: str) -> None:
    module = plugin_folder.install_prior("acme", "some")
    record = next(plugin_folder.path.glob("*.dist-info")) / "RECORD"
    record.write_text(f"{listed.format(module=module)},,\n" if listed else "", encoding="utf-8")
    (plugin,), _ = plugin_folder.load()
    assert plugin.notes == ()


def test_no_plugin_makes_loading_strict(plugin_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIORKIT_STRICT_PLUGINS", "0")
    plugin_folder.install("acme", "import os\nos.environ['PRIORKIT_STRICT_PLUGINS'] = '1'\nraise RuntimeError")
    plugin_folder.install("zoo", "raise RuntimeError")
    with pytest.warns(PluginWarning):
        _, failed = load_plugins(plugin_folder.entry_points())
    assert [failure.distribution for failure in failed] == ["acme", "zoo"]


def test_a_long_time_is_noted(plugin_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_folder.install_prior("acme", "quick", entry_point="quick")
    plugin_folder.install_prior("zoo", "slow", entry_point="slow")
    times = iter([10.0, 10.5, 20.0, 20.6])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    loaded, _ = plugin_folder.load()
    assert [plugin.notes for plugin in loaded] == [
        (),
        ("took 0.6 s to load: import what takes long inside `build`",),
    ]


def test_an_import_of_torch_is_noted_where_it_is_the_first(plugin_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = sys.modules["torch"]
    monkeypatch.setattr(sys, "first", torch, raising=False)
    source = RECORD.format(hook="priorkit_priors", records="[]")
    plugin_folder.install("acme", f"import sys\nsys.modules['torch'] = sys.first\n{source}")
    plugin_folder.install("zoo", f"import torch\n{source}")
    monkeypatch.delitem(sys.modules, "torch")
    (first, second), _ = plugin_folder.load()
    assert first.notes == ("imported torch: import it inside `build`, so that commands stay quick",)
    assert second.notes == ()


def test_notes_of_a_broken_plugin_are_kept(plugin_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_folder.install("acme", "raise RuntimeError")
    times = iter([0.0, 2.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    with pytest.warns(PluginWarning):
        _, (failure,) = plugin_folder.load()
    assert failure.notes == ("took 2.0 s to load: import what takes long inside `build`",)


def test_installed_distributions_are_found(plugin_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_folder.install_prior("aardvark", "made-up", entry_point="made-up")
    absent = plugin_folder.install_prior("zoo", "absent", entry_point="absent")
    monkeypatch.setenv("PRIORKIT_PLUGINS", "aardvark")
    monkeypatch.setenv("PRIORKIT_DISABLE_PLUGINS", "gaussian")
    monkeypatch.delenv("PRIORKIT_STRICT_PLUGINS", raising=False)
    loaded, failed = load_plugins()
    assert failed == []
    # An allow-list is about other people's plug-ins; priorkit's own come first and stay, unless they are disabled.
    assert loaded[-1].distribution == "aardvark"
    assert {plugin.distribution for plugin in loaded[:-1]} == {"priorkit"}
    assert {"learned", "gaussian"} & {plugin.entry_point for plugin in loaded} == {"learned"}
    assert absent not in sys.modules


def test_the_environment_is_read_before_anything_is_imported(tmp_path: Path) -> None:
    program = """
        import sys
        from priorkit.registry import installed_plugins
        registry = installed_plugins()
        assert "learned" in registry.names("prior"), registry.names("prior")
        assert "gaussian" not in registry.names("prior")
        assert "priorkit_plugins.learned" in sys.modules
        assert "priorkit_plugins.gaussian" not in sys.modules
    """
    environment = {**os.environ, "PRIORKIT_DISABLE_PLUGINS": "gaussian"}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment, timeout=60)


@pytest.mark.parametrize(
    ("field", "sound"),
    [
        ("clip: float | None = 1.0", False),
        ("clip: Optional[float] = 1.0", False),
        ("clip: float | None = Field(default_factory=lambda: 1.0)", False),
        ("clip: float | None = None", True),
        ("clip: float = 1.0", True),
    ],
)
def test_a_value_that_may_be_none_must_default_to_it(plugin_folder: Any, field: str, sound: bool) -> None:
    plugin_folder.install(
        "clipping",
        f"""
from typing import Optional
from pydantic import Field
from priorkit.plugins import Component, Options, hookimpl

class ClipOptions(Options):
    {field}

@hookimpl
def priorkit_priors():
    return [Component("clipped", ClipOptions, print, summary="a prior", source="a test")]
""",
    )
    if sound:
        assert plugin_folder.load()[1] == []
        return
    with pytest.warns(PluginWarning):
        _, failed = plugin_folder.load()
    assert "have a field 'clip' that may be None but does not default to it" in failed[0].error
