"""Lists and help beside broken and unruly plug-ins of third parties."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from priorkit.plugins import KINDS
from priorkit.registry import installed_plugins

pytestmark = [pytest.mark.whole, pytest.mark.filterwarnings("default::priorkit.plugins.PluginWarning")]
BUILT_IN = {item.component.name for kind in KINDS for item in installed_plugins().components(kind.slot)}


@pytest.fixture
def listed(here):
    """The results of all four lists, beside an environment."""

    def run(environment):
        results = [
            here(environment, "plugins"),
            here(environment, "plugins", "--json"),
            here(environment, "components"),
            here(environment, "components", "--json"),
        ]
        for result in results:
            assert result.returncode == 0, result.stderr
            assert "Traceback" not in result.stderr
        return results

    return run


def test_a_broken_plugin_is_named_with_its_file_and_line(installed, listed, rows, broken):
    name, (_, error, line) = broken
    environment = installed.environment(name)
    plugins, plugins_json, components, components_json = listed(environment)
    file = environment / f"acme_{name.replace('-', '_')}.py"
    place = f"{file}:{line}" if line else str(file)
    assert f"1 broken\n  acme-{name} (acme-{name} 1.0, module {file.stem}): " in plugins.stdout
    described, where = plugins.stdout.partition(" broken\n")[2].splitlines()[:2]
    assert error in described
    assert where == f"      at {place}"
    row = rows(plugins_json.stdout)[0]
    assert (row["plugin"], row["loaded"]) == (f"acme-{name}", False)
    assert error in row["error"]
    assert (row["file"], row["line"]) == (str(file), line or None)
    assert {row["name"] for row in rows(components_json.stdout) if row["kind"] != "recipe"} == BUILT_IN
    assert "  learned: " in components.stdout
    for result in (plugins, plugins_json, components, components_json):
        # One line, which says what and where.
        (warning,) = result.stderr.splitlines()
        assert f"plug-in 'acme-{name}' of acme-{name} 1.0 is broken and left out" in warning
        assert warning.endswith(f"({place})")


def test_every_broken_plugin_is_named_by_a_process_of_its_own(installed, beside, rows, all_names):
    """What ends a process, or an import, ends none here; what is said of each of them alone is looked at above."""
    names, _ = all_names
    environment = installed.environment(*names)
    result = beside(environment, "plugins", "--json")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    listed = [row for row in rows(result.stdout) if not row["loaded"]]
    assert {row["plugin"] for row in listed} == {f"acme-{name}" for name in names}
    places = [f"({row['file']}" + (f":{row['line']})" if row["line"] else ")") for row in listed]
    assert sorted(places) == sorted(line[line.rindex("(") :] for line in result.stderr.splitlines())


def test_plugins_of_third_parties_come_first(installed, beside, rows):
    environment = installed.environment("one", "syntax", "ungrouped")
    text = beside(environment, "plugins").stdout
    headings = [line for line in text.splitlines() if not line.startswith(" ")]
    built_in = len(installed_plugins().plugins)
    assert headings == ["1 loaded", "1 broken", "1 without an entry point", f"{built_in} built in"]
    listed = rows(beside(environment, "plugins", "--json").stdout)
    assert [row["distribution"] for row in listed[:3]] == ["acme-one", "acme-syntax", "acme-ungrouped"]
    assert {row["distribution"] for row in listed[3:]} == {"priorkit"}


def test_a_plugin_in_a_misspelt_group_is_noted(installed, here):
    environment = installed.environment("ungrouped")
    noted = "acme-ungrouped 1.0: requires priorkit, but has no entry point in the group 'priorkit': its group is called"
    plugins = here(environment, "plugins")
    assert (
        f"1 without an entry point\n  {noted} 'priorkits'; rename it to [project.entry-points.priorkit]"
        in plugins.stdout
    )
    (line,) = here(environment, "train", "vae", "--prior", "ungrouped").stderr.splitlines()
    assert line.startswith("priorkit: unknown prior 'ungrouped'. Known: ")
    assert line.endswith("under [project.entry-points.priorkit]? `priorkit plugins` lists what was found.")


def test_tracebacks_are_shown_when_asked_for(installed, beside, rows):
    environment = installed.environment("hook-raises", "syntax")
    text = beside(environment, "plugins", "--tracebacks").stdout
    assert "\n      Traceback (most recent call last):\n" in text
    assert f'        File "{environment}/acme_hook_raises.py", line 6, in priorkit_priors\n' in text
    raises, syntax = rows(beside(environment, "plugins", "--tracebacks", "--json").stdout)[:2]
    assert raises["traceback"].endswith("ZeroDivisionError: division by zero\n")
    assert "    def (:\n" in syntax["traceback"]
    assert "traceback" not in rows(beside(environment, "plugins", "--json").stdout)[0]


@pytest.mark.parametrize("command", [["plugins"], ["plugins", "--json"], ["components"], ["components", "--json"]])
def test_what_a_plugin_prints_mixes_with_no_output(installed, beside, rows, command):
    result = beside(installed.environment("loud"), *command)
    assert result.returncode == 0
    assert "loud" in result.stdout
    assert "on stdout" not in result.stdout
    assert not command[1:] or rows(result.stdout)
    said = ["and past Python", "from a child", "on stderr", "past sys.stdout", '{"on": "stdout"}']
    assert sorted(result.stderr.splitlines()) == said


def test_what_makes_commands_slow_is_noted(installed, beside, rows):
    environment = installed.environment("one", "slow", "torch")
    with ThreadPoolExecutor(2) as pool:
        plugins, components = pool.map(lambda word: beside(environment, word, "--json"), ("plugins", "components"))
    noted = {row["plugin"]: row["notes"] for row in rows(plugins.stdout) if row["notes"]}
    assert noted.keys() == {"acme-slow", "acme-torch"}
    (slow,) = noted["acme-slow"]
    assert slow.startswith("took ")
    assert "imported torch: import it inside `build`, so that commands stay quick" in noted["acme-torch"]
    # Other commands say nothing of it.
    assert plugins.stderr == components.stderr == ""
    assert all("notes" not in row for row in rows(components.stdout))


def test_text_of_plugins_cannot_spoil_a_terminal(installed, listed, rows):
    plugins, _, components, components_json = listed(installed.environment("ugly"))
    shown = [line for line in components.stdout.splitlines() if "ugly" in line or "--prior.shown" in line]
    for text in (plugins.stdout, components.stdout):
        assert not any(character in text for character in "\x1b\r\udcff")
    assert any(line.startswith("  ugly: a prior in [bold]red xxx") for line in shown)
    assert max(map(len, shown)) < 2000
    ugly = next(row for row in rows(components_json.stdout) if row["name"] == "ugly")
    assert ugly["summary"].startswith("a\nprior\x1b[31m")
    described = {item["flag"]: (item["type"], item["default"]) for item in ugly["options"]}
    assert described["--prior.nothing"] == ("list", "")
    assert described["--prior.later"] == ("int", "computed")
    assert described["--prior.strange"] == ("object", "Odd")


def test_help_beside_every_plugin_there_is(installed, beside, here, all_names):
    names = [name for part in all_names for name in part if name not in ("slow", "torch")]
    environment = installed.environment(*names)
    help_text = beside(environment, "--help")
    assert (help_text.returncode, help_text.stderr) == (0, "")
    for command in (["train", "--help"], ["train", "--prior", "ugly", "--help"], ["evaluate", "--help"]):
        result = here(environment, *command)
        assert result.returncode == 0, result.stderr
        assert "usage: priorkit" in result.stdout
        assert "\x1b" not in result.stdout


def test_what_is_printed_at_exit_is_no_object_for_programs(installed, beside, rows):
    environment = installed.environment("one", source="import atexit\natexit.register(print, 'at exit')\n")
    result = beside(environment, "plugins", "--json")
    assert result.returncode == 0
    assert rows(result.stdout)[0]["plugin"] == "acme-one"
    assert result.stderr.splitlines()[-1] == "at exit"
    assert beside(environment, "plugins").stdout.endswith("at exit\n")


def test_a_plugin_that_hangs_is_named_at_ctrl_c(installed, beside, rows):
    interrupted = "import os, signal, time\n\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    environment = installed.environment("one", source=interrupted)
    result = beside(environment, "components", "--json")
    assert result.returncode == 130
    (line,) = result.stderr.splitlines()
    assert line.startswith("priorkit: interrupted while plug-in 'acme-one' of acme-one 1.0 was being loaded (")
    assert f"{environment / 'acme_one.py'}:" in line
    assert line.endswith("; PRIORKIT_DISABLE_PLUGINS=acme-one leaves it out")
    assert rows(result.stdout)[-1]["status"] == 130


def test_a_module_that_hides_the_installed_one_is_noted(installed, beside, tmp_path):
    environment, hiding = installed.environment("one"), tmp_path / "acme_one.py"
    shutil.copyfile(environment / hiding.name, hiding)
    path = os.pathsep.join([str(tmp_path), str(environment), *filter(None, [os.environ.get("PYTHONPATH")])])
    note = f"its module is not the one that acme-one has installed, but {hiding}"
    assert note in beside(environment, "plugins", PYTHONPATH=path).stdout
    assert "note:" not in beside(environment, "plugins").stdout
