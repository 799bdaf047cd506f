"""Trains every recipe for the page of samples: `python docs/site/gallery.py --data-dir DIR --work FOLDER`.

DIR holds MNIST, and FOLDER receives the runs. Each recipe is trained and sampled by priorkit's own commands. Its
picture and its facts go to `docs/pictures/gallery`. Recipes that have both are skipped, so the script can be stopped
and started again; it removes interrupted runs. Names of recipes after the options select these recipes. The script uses
the `priorkit` of the PATH. Set OMP_NUM_THREADS=1 for one thread.
"""

import argparse
import json
import resource
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from small_pictures import save_small, tiled

__all__ = ["FACTS", "PICTURES"]

PICTURES = Path(__file__).resolve().parents[1] / "pictures/gallery"
FACTS = PICTURES / "facts.json"
"""File with facts about each recipe: its commands, the processor time of the training command in seconds, and the
reconstruction error of held-out images, None for a GAN."""

_STEPS = 600
# Recipes whose own stages are longer.
_STAGES = {
    "fsq-vae": f"autoencoder:{_STEPS},code-fitting:{_STEPS}",
    "probabilistic-autoencoder": f"autoencoder:{_STEPS},code-fitting:{_STEPS}",
    "text-to-image": f"text-embedding:200,autoencoder+prior-improvement:{_STEPS}",
    "text-to-image-flow": f"text-embedding:200,autoencoder:{_STEPS},code-fitting:{_STEPS}",
    "vq-vae": f"autoencoder:{_STEPS},code-fitting:{_STEPS}",
}
# The generator of wgan-gp is trained in every fifth step.
_LONGER = {"wgan-gp": 3000}
# MNIST has no captions; scikit-learn's digits have, such as "a handwritten 3".
_ON_DIGITS = {"text-to-image", "text-to-image-flow"}
_TEXTS = " ".join(f'--text "a handwritten {digit}"' for digit in (0, 3, 7, 8))
_CONDITIONED = {"labels": "-n 32 --label 0,1,2,3,4,5,6,7", "categorical": "-n 32 --label 0,1,2,3,4,5,6,7"}


def main() -> None:
    """Trains the recipes that have no picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of MNIST")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("recipes", nargs="*", help="recipes to train (default: all)")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    for recipe in given.recipes or _recipes():
        if not (recipe in _facts() and _picture(recipe).exists()):
            _add(recipe, given.work, given.data_dir.resolve())
            print(recipe, _facts()[recipe], flush=True)


def _recipes() -> list[str]:
    listed = subprocess.run(["priorkit", "components", "recipes", "--json"], capture_output=True, check=True)
    return [json.loads(line)["name"] for line in listed.stdout.splitlines()]


def _facts() -> dict[str, Any]:
    return json.loads(FACTS.read_text(encoding="utf-8")) if FACTS.exists() else {}


def _picture(recipe: str) -> Path:
    return PICTURES / f"{recipe}.png"


def _add(recipe: str, work: Path, data_dir: Path) -> None:
    """Trains a recipe, draws its samples, and keeps the facts."""
    run = work / "runs" / recipe
    if run.exists():
        shutil.rmtree(run)
    digits = recipe in _ON_DIGITS
    data = "" if digits else " --dataset mnist"
    length = f"--stages {_STAGES[recipe]}" if recipe in _STAGES else f"--steps {_LONGER.get(recipe, _STEPS)}"
    train = f"priorkit train {recipe}{data} {length} --seed 0 --out runs/{recipe}"
    seconds = _carry_out(train, work, *([] if digits else ["--data-dir", str(data_dir)]))
    sample = f"priorkit sample runs/{recipe} {_what_to_draw(run)}"
    samples = f"{recipe}.npz"
    _carry_out(sample, work, "--out", samples, "--overwrite")
    images = np.load(work / samples)["images"]
    # Removes the black frame of two pixels that priorkit adds to MNIST's 28x28 pixels.
    save_small(tiled(images if digits else images[:, 2:-2, 2:-2], columns=8), _picture(recipe))
    _keep(recipe, {"train": train, "sample": sample, "seconds": round(seconds), "reconstruction_error": _error(run)})


def _carry_out(command: str, folder: Path, *more: str) -> float:
    """Runs a command, and returns its processor time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*shlex.split(command), "--quiet", *more], cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _what_to_draw(run: Path) -> str:
    """Returns the options for 32 samples: with classes, one in each column; with texts, one in each row."""
    condition = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["condition"]["name"]
    return _TEXTS if condition == "text" else _CONDITIONED.get(condition, "-n 32")


def _error(run: Path) -> float | None:
    last = json.loads((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    error = last.get("held_out/reconstruction_error")
    return None if error is None else round(error, 4)


def _keep(recipe: str, facts: dict[str, Any]) -> None:
    whole = json.dumps(dict(sorted({**_facts(), recipe: facts}.items())), indent=1)
    unfinished = FACTS.with_suffix(".part")
    unfinished.write_text(whole + "\n", encoding="utf-8")
    unfinished.replace(FACTS)


if __name__ == "__main__":
    main()
