"""What `priorkit new-plugin` writes is installed as anybody would, and its own tests are run."""

import os
import shutil
import subprocess
import sys

import pytest

from priorkit.scaffolding import TEMPLATES
from priorkit.testing.catalogue import CATALOGUE
from wheels import install_wheels

# A recipe has no contract of its own; what the kit knows no contract of yet cannot be held to it.
TESTED = [template.kind for template in TEMPLATES if template.slot is None or template.slot in CATALOGUE]


@pytest.fixture(scope="module")
def installed(written, tmp_path_factory):
    """The folder that plug-ins of all kinds are installed into."""
    target, sources = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("sources")
    # Building leaves folders behind in the sources.
    copies = [shutil.copytree(folder, sources / folder.name) for folder in written]
    install_wheels(copies, tmp_path_factory.mktemp("wheels"), target)
    return target


def run(arguments, installed, cwd):
    path = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PRIORKIT_STRICT_PLUGINS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-m", *arguments], env=environment, cwd=cwd, capture_output=True, text=True)


def test_every_plugin_is_loaded(installed, tmp_path):
    done = run(["priorkit", "plugins"], installed, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for template in TEMPLATES:
        kind = template.slot.replace("_", " ") if template.slot else "recipe"
        assert f"  my-{template.kind} (priorkit-my-{template.kind} 0.1.0): {kind} my-{template.kind}\n" in done.stdout


@pytest.mark.whole
@pytest.mark.parametrize("chosen", [("-k", "not compiled_agrees and not ]-"), pytest.param((), marks=pytest.mark.slow)])
def test_every_plugin_passes_its_own_tests(written, installed, chosen, tmp_path):
    """Components as they come; with further options, whose names end with a bracket, and compiled they are slow."""
    options = [
        *chosen,
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "-W",
        "error::priorkit.plugins.PluginWarning",
    ]
    rootdir = ["--rootdir", written[0].parent, "-c", written[0] / "pyproject.toml"]
    tests = [folder / "tests" for folder in written if folder.name.removeprefix("priorkit-my-") in TESTED]
    done = run(["pytest", *options, *rootdir, *tests], installed, tmp_path)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
