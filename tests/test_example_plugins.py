"""The example plug-ins `examples/priorkit-*`, built and installed like third parties' plug-ins."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wheels import install_wheels

pytestmark = pytest.mark.whole

SOURCES = sorted((Path(__file__).parent.parent / "examples").glob("priorkit-*"))
TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --json"


_PROGRAM = (
    "import json, sys; from priorkit.cli import main; sys.exit(max(main(each) for each in json.loads(sys.argv[1])))"
)


@pytest.fixture(scope="module")
def priorkit(tmp_path_factory):
    """Runs priorkit commands with the plug-ins installed, in one process, and returns their output."""
    target = tmp_path_factory.mktemp("installed")
    # Building creates folders in the source, so it works on copies.
    folder = tmp_path_factory.mktemp("sources")
    copies = [shutil.copytree(source, folder / source.name) for source in SOURCES]
    install_wheels(copies, tmp_path_factory.mktemp("wheels"), target)
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


EXAMPLES = {
    "priorkit-student-t": (STUDENT_T, {"autoencoder/regularization"}),
    "priorkit-latent-energy": (["latent-energy-vae"], {"autoencoder/regularization", "energy/contrast"}),
    "priorkit-factor-vae": (
        ["total-correlation-vae"],
        {"autoencoder/total_correlation", "total_correlation/critic_codes", "total_correlation/critic_shuffled"},
    ),
    "priorkit-vq": (
        ["example-vq-vae", "--code-size", 4, "--stages", "autoencoder:1,code-fitting"],
        {"autoencoder/codebook", "autoencoder/commitment", "code_fitting/codes"},
    ),
    "priorkit-relativistic": (
        ["learned", "--adversarial-loss", "relativistic"],
        {"prior_improvement/critic_real", "prior_improvement/generator_fake", "autoencoder/regularization"},
    ),
}
"""For each distribution, arguments of `train` that use its components, and the names of their losses."""


def test_they_train_sample_and_resume(priorkit, tmp_path):
    """All plug-ins share two processes, because importing torch takes most of the time."""
    folders = {name: tmp_path / name for name in EXAMPLES}
    trains = {name: ["train", *system, *TINY.split()] for name, (system, _) in EXAMPLES.items()}
    priorkit(*([*trains[name], "--steps", 2, "--out", folder / "run"] for name, folder in folders.items()))
    for name, folder in folders.items():
        assert name in (folder / "run/environment.json").read_text(encoding="utf-8")
    commands = []
    for name, folder in folders.items():
        commands += [
            ["train", "--resume", folder / "run", "--steps", 4, "--json"],
            [*trains[name], "--steps", 4, "--out", folder / "straight"],
        ]
        commands += [
            ["sample", folder / run, "-n", 8, "--out", folder / f"{run}.npz", "--device", "cpu", "--json"]
            for run in ("run", "straight")
        ]
    priorkit(*commands)
    for name, folder in folders.items():
        resumed, at_once = (np.load(folder / f"{run}.npz")["images"] for run in ("run", "straight"))
        assert resumed.shape == (8, 16, 16, 1), name
        # A resumed run equals a run without interruption.
        assert np.array_equal(resumed, at_once), name
        rows = (folder / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        assert {f"loss/{loss}" for loss in EXAMPLES[name][1]} <= {key for row in rows for key in json.loads(row)}, name
