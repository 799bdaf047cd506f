"""The example of a plug-in by somebody else, `examples/priorkit-student-t`, installed as anybody would."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(__file__).parent.parent / "examples" / "priorkit-student-t"
TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --json"


_PROGRAM = (
    "import json, sys; from priorkit.cli import main; sys.exit(max(main(each) for each in json.loads(sys.argv[1])))"
)


@pytest.fixture(scope="module")
def priorkit(tmp_path_factory):
    """Runs commands of a priorkit that has the plug-in, in a process of their own, and gives what they print."""
    target = tmp_path_factory.mktemp("installed")
    # Building leaves folders behind in the source.
    copy = shutil.copytree(SOURCE, tmp_path_factory.mktemp("source") / SOURCE.name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", target, copy], check=True)
    path = os.pathsep.join(filter(None, [str(target), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PRIORKIT_STRICT_PLUGINS": "1"}

    def run(*commands):
        given = json.dumps([[str(argument) for argument in command] for command in commands])
        program = [sys.executable, "-c", _PROGRAM, given]
        done = subprocess.run(program, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_it_is_listed(priorkit):
    said = priorkit(["plugins"], ["components", "student-t"])
    assert "  student-t (priorkit-student-t 0.1.0): prior student-t, recipe student-t-vae\n" in said
    for words in ("[priorkit-student-t:student-t]", "--prior.degrees", "--prior.scale", "--prior.learned"):
        assert words in said


def test_it_trains_samples_and_resumes(priorkit, tmp_path):
    run, straight = tmp_path / "run", tmp_path / "straight"
    train = ["train", "vae", "--prior", "student-t", "--prior.degrees", 3, "--prior.learned", *TINY.split()]
    priorkit([*train, "--steps", 2, "--out", run])
    assert tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["prior"]["degrees"] == 3
    assert "priorkit-student-t" in (run / "environment.json").read_text(encoding="utf-8")
    drawn = [tmp_path / "resumed.npz", tmp_path / "straight.npz"]
    priorkit(
        ["train", "--resume", run, "--steps", 4, "--json"],
        [*train, "--steps", 4, "--out", straight],
        *(
            ["sample", folder, "-n", 8, "--out", out, "--device", "cpu", "--json"]
            for folder, out in zip((run, straight), drawn, strict=True)
        ),
    )
    resumed, at_once = (np.load(path)["images"] for path in drawn)
    assert resumed.shape == (8, 16, 16, 1)
    # A resumed run is the same run.
    assert np.array_equal(resumed, at_once)
