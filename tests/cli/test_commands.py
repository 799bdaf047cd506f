import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from priorkit.cli import commands, listings

_LOADED = """
import json, sys
from priorkit.cli import main
done = []
for arguments in json.loads(sys.argv[1]):
    status = main(arguments)
    heavy = {"torch", "torchvision", "numpy", "sklearn", "PIL", "safetensors"} & set(sys.modules)
    done.append([arguments, status, sorted(heavy)])
print(json.dumps(done), file=sys.stderr)
"""
QUICK = [
    ["--help"],
    ["--version"],
    ["components"],
    ["components", "--json"],
    ["plugins"],
    ["train", "--help"],
    ["sweep", "--help"],
    ["picture", "--help"],
    ["train", "--prior", "lerned"],
]


def test_what_needs_no_torch_imports_none():
    """One command after the other, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, json.dumps(QUICK)], capture_output=True, text=True, check=True
    )
    expected = [[arguments, 2 if "lerned" in arguments else 0, []] for arguments in QUICK]
    assert json.loads(done.stderr.splitlines()[-1]) == expected


def test_version(cli):
    assert cli("--version").out == f"priorkit {version('priorkit')}\n"


def test_help_names_every_command(cli):
    text = cli("--help").out
    for command in ("train", "sample", "reconstruct", "interpolate", "picture", "components", "plugins"):
        assert f"\n  {command} " in text


@pytest.mark.parametrize("name", commands._COMMANDS)
def test_every_command_has_a_function(name):
    assert commands._command(name).__name__ == f"{name.replace('-', '_')}_command"


def test_nothing_at_all_prints_the_help_as_an_error(cli):
    result = cli()
    assert result.status == 2
    assert result.err.startswith("usage:")


def test_unknown_command(cli):
    result = cli("trian")
    assert result.status == 2
    assert result.err == "priorkit: unknown command 'trian'; did you mean 'train'? `priorkit --help` lists them\n"


def test_errors_are_json_too_where_json_was_asked_for(cli):
    result = cli("train", "--prior", "lerned", "--json")
    assert result.status == 2
    assert '"event": "error"' in result.out
    assert result.err.startswith("priorkit: unknown prior 'lerned'")


def test_a_reader_that_goes_away_is_no_error():
    process = subprocess.run(
        f"{sys.executable} -m priorkit components | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout.startswith("prior")
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied", "here/x"), "cannot use 'here/x': Permission denied; check the path"),
        (OSError(28, "No space left on device"), "cannot use: No space left on device; check"),
        (MemoryError(), "not enough memory: ask for fewer images with -n"),
        (RuntimeError("CUDA out of memory. Tried\nto allocate"), "not enough memory: "),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_machine_refuses_is_one_line(cli, monkeypatch, error, message):
    def refuse(arguments, registry):
        raise error

    monkeypatch.setattr(listings, "plugins_command", refuse)
    result = cli("plugins")
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("error", [RuntimeError("a mistake of ours"), TypeError("a mistake of ours")])
def test_our_own_mistakes_are_not_hidden(cli, monkeypatch, error):
    def fail(arguments, registry):
        raise error

    monkeypatch.setattr(listings, "plugins_command", fail)
    with pytest.raises(type(error), match="a mistake of ours"):
        cli("plugins")


@pytest.mark.parametrize("width", [10**14, 4 * 10**18, 10**20], ids=lambda width: f"{width:.0e}")
def test_networks_that_no_machine_holds_are_one_line(cli, tiny, tmp_path, width):
    result = cli("train", *tiny, "--networks.hidden", width, "--out", "run")
    assert result.status == 2
    assert "not enough memory: choose a smaller --code-dim, --batch-size or width of the networks" in result.err
    assert result.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
