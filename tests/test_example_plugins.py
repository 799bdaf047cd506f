"""The examples of plug-ins by somebody else, `examples/priorkit-*`, installed as anybody would."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SOURCES = sorted((Path(__file__).parent.parent / "examples").glob("priorkit-*"))
TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --json"


_PROGRAM = (
    "import json, sys; from priorkit.cli import main; sys.exit(max(main(each) for each in json.loads(sys.argv[1])))"
)


@pytest.fixture(scope="module")
def priorkit(tmp_path_factory):
    """Runs commands of a priorkit that has the plug-ins, in a process of their own, and gives what they print."""
    target = tmp_path_factory.mktemp("installed")
    # Building leaves folders behind in the source.
    folder = tmp_path_factory.mktemp("sources")
    copies = [shutil.copytree(source, folder / source.name) for source in SOURCES]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", target, *copies], check=True)
    path = os.pathsep.join(filter(None, [str(target), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PRIORKIT_STRICT_PLUGINS": "1"}

    def run(*commands):
        given = json.dumps([[str(argument) for argument in command] for command in commands])
        program = [sys.executable, "-c", _PROGRAM, given]
        done = subprocess.run(program, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_they_are_listed(priorkit):
    said = priorkit(["plugins"], ["components", "student-t"])
    energy = "latent-energy (priorkit-latent-energy 0.1.0): prior latent-energy, regularizer latent-energy, recipe"
    assert f"  {energy} latent-energy-vae\n" in said
    factor = "total-correlation (priorkit-factor-vae 0.1.0): regularizer total-correlation, recipe"
    assert f"  {factor} total-correlation-vae\n" in said
    assert "  student-t (priorkit-student-t 0.1.0): prior student-t, recipe student-t-vae\n" in said
    assert "  vq (priorkit-vq 0.1.0): prior recurrent, encoder example-vq, recipe example-vq-vae\n" in said
    for words in ("[priorkit-student-t:student-t]", "--prior.degrees", "--prior.scale", "--prior.learned"):
        assert words in said


STUDENT_T = ["vae", "--prior", "student-t", "--prior.degrees", 3, "--prior.learned"]


@pytest.mark.parametrize(
    ("system", "distribution", "losses"),
    [
        (STUDENT_T, "priorkit-student-t", {"autoencoder/regularization"}),
        (["latent-energy-vae"], "priorkit-latent-energy", {"autoencoder/regularization", "energy/contrast"}),
        (
            ["total-correlation-vae"],
            "priorkit-factor-vae",
            {"autoencoder/total_correlation", "total_correlation/critic_codes", "total_correlation/critic_shuffled"},
        ),
        (
            ["example-vq-vae", "--code-size", 4, "--stages", "autoencoder:1,code-fitting"],
            "priorkit-vq",
            {"autoencoder/codebook", "autoencoder/commitment", "code_fitting/codes"},
        ),
        (
            ["learned", "--adversarial-loss", "relativistic"],
            "priorkit-relativistic",
            {"prior_improvement/critic_real", "prior_improvement/generator_fake", "autoencoder/regularization"},
        ),
    ],
    ids=["student-t", "latent-energy", "factor-vae", "vq", "relativistic"],
)
def test_it_trains_samples_and_resumes(system, distribution, losses, priorkit, tmp_path):
    run, straight = tmp_path / "run", tmp_path / "straight"
    train = ["train", *system, *TINY.split()]
    priorkit([*train, "--steps", 2, "--out", run])
    assert distribution in (run / "environment.json").read_text(encoding="utf-8")
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
    rows = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert {f"loss/{name}" for name in losses} <= {key for row in rows for key in json.loads(row)}
