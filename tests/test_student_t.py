"""The example of a plug-in by somebody else, `examples/priorkit-student-t`, installed as anybody would."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "examples" / "priorkit-student-t"
TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --json"


@pytest.fixture(scope="module")
def priorkit(tmp_path_factory):
    """Runs a command of a priorkit that has the plug-in, and gives what it prints."""
    target = tmp_path_factory.mktemp("installed")
    # Building leaves folders behind in the source.
    copy = shutil.copytree(SOURCE, tmp_path_factory.mktemp("source") / SOURCE.name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", target, copy], check=True)
    path = os.pathsep.join(filter(None, [str(target), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PRIORKIT_STRICT_PLUGINS": "1"}

    def run(*arguments):
        command = [sys.executable, "-m", "priorkit", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_it_is_listed(priorkit):
    assert "  student-t (priorkit-student-t 0.1.0): prior student-t, recipe student-t-vae\n" in priorkit("plugins")
    said = priorkit("components", "student-t")
    for words in ("[priorkit-student-t:student-t]", "--prior.degrees", "--prior.scale", "--prior.learned"):
        assert words in said


def test_it_trains_samples_and_resumes(priorkit, tmp_path):
    run = tmp_path / "run"
    chosen = ["--prior", "student-t", "--prior.degrees", 3, "--prior.learned"]
    priorkit("train", "vae", *chosen, *TINY.split(), "--steps", 2, "--out", run)
    assert tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["prior"]["degrees"] == 3
    used = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    assert "priorkit-student-t" in json.dumps(used)
    priorkit("train", "--resume", run, "--steps", 4, "--json")
    straight = tmp_path / "straight"
    priorkit("train", "vae", *chosen, *TINY.split(), "--steps", 4, "--out", straight)
    samples = []
    for folder in (run, straight):
        out = folder / "samples.png"
        priorkit("sample", folder, "-n", 8, "--out", out, "--device", "cpu", "--json")
        samples.append(out.read_bytes())
    # A resumed run is the same run.
    assert samples[0] == samples[1]
