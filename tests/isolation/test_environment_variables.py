"""The variables that leave plug-ins out, or have them stop everything."""

import pytest

pytestmark = pytest.mark.whole


@pytest.mark.parametrize(
    ("variables", "loaded", "failed"),
    [
        ({"PRIORKIT_DISABLE_PLUGINS": "acme-exits"}, {"acme-one", "acme-two"}, set()),
        ({"PRIORKIT_DISABLE_PLUGINS": "Acme_Exits, acme-two"}, {"acme-one"}, set()),
        ({"PRIORKIT_PLUGINS": "acme-two"}, {"acme-two"}, set()),
        ({"PRIORKIT_PLUGINS": "acme-two,acme-exits"}, {"acme-two"}, {"acme-exits"}),
        ({"PRIORKIT_PLUGINS": ""}, set(), set()),
    ],
)
def test_plugins_can_be_left_out(installed, beside, rows, variables, loaded, failed):
    environment = installed.environment("one", "two", "exits")
    result = beside(environment, "plugins", "--json", **variables)
    assert result.returncode == 0
    acme = [row for row in rows(result.stdout) if row["distribution"].startswith("acme-")]
    assert {row["plugin"] for row in acme if row["loaded"]} == loaded
    assert {row["plugin"] for row in acme if not row["loaded"]} == failed
    assert bool(result.stderr) == bool(failed)


def test_a_plugin_that_ends_the_process_can_be_left_out(installed, beside):
    environment = installed.environment("one", source="import os\nos._exit(7)\n")
    assert beside(environment, "plugins").returncode == 7
    assert beside(environment, "plugins", PRIORKIT_DISABLE_PLUGINS="acme-one").returncode == 0


def test_strict_loading_stops_at_the_first_broken_plugin(installed, beside):
    environment = installed.environment("hook-raises", "one")
    result = beside(environment, "components", PRIORKIT_STRICT_PLUGINS="1")
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert f"ZeroDivisionError: division by zero ({environment / 'acme_hook_raises.py'}:6)" in line
    assert "PRIORKIT_STRICT_PLUGINS is set" in line
