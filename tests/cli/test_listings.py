import json

from priorkit.plugins import KINDS
from priorkit.registry import FailedPlugin, Registry, installed_plugins


def test_every_component_with_its_options_and_source(cli):
    text = cli("components").out
    for kind in KINDS:
        for registered in installed_plugins().components(kind.slot):
            assert f"  {registered.component.name}: {registered.component.summary}" in text
            assert registered.component.source in text
            flag = f"{kind.flag}.{registered.component.name}" if kind.several else kind.flag
            for option in registered.component.options.model_fields:
                assert f"{flag}.{option.replace('_', '-')}  " in text
    assert "\n  vae: " in text


def test_one_kind_or_one_name(cli):
    priors = cli("components", "prior").out
    assert "gaussian" in priors
    assert "--loss" not in priors
    residual = cli("components", "residual").out
    assert "networks (--networks)" in residual
    assert "code generator (--code-generator)" in residual
    assert "dcgan" not in residual
    assert "aae" in cli("components", "recipes").out


def test_as_json(cli):
    rows = [json.loads(line) for line in cli("components", "--json").out.splitlines()]
    learned = next(row for row in rows if (row["kind"], row["name"]) == ("prior", "learned"))
    assert learned["options"][0] == {
        "flag": "--prior.noise-dim",
        "type": "int >= 1",
        "default": "64",
        "description": "dimensions of the noise z",
    }
    assert {"vae", "aae", "learned"} <= {row["name"] for row in rows if row["kind"] == "recipe"}


def test_an_unknown_kind(cli):
    result = cli("components", "priors")
    assert result.status == 2
    assert "no kind or component 'priors'; did you mean 'prior'?" in result.err


def test_plugins_loaded_and_broken(cli, monkeypatch):
    broken = FailedPlugin("exotic", "priorkit-exotic", "2.1", "exotic.plugin", "ImportError: no module named 'x'")
    registry = Registry(installed_plugins().plugins, [broken])
    monkeypatch.setattr("priorkit.cli.commands.installed_plugins", lambda: registry)
    text = cli("plugins").out
    assert f"\n{len(registry.plugins)} built in\n" in text
    assert "1 broken\n  exotic (priorkit-exotic 2.1, module exotic.plugin): ImportError: no module named 'x'" in text
    rows = [json.loads(line) for line in cli("plugins", "--json").out.splitlines()]
    assert rows[0]["loaded"] is False
    assert all(row["distribution"] == "priorkit" for row in rows[1:])
    assert "could not be loaded: exotic (priorkit-exotic)" in cli("train", "--prior", "exotic").err
