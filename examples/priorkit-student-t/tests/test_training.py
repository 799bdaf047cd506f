"""Training with the prior `student-t`, by the command line."""

import json
import tomllib
from pathlib import Path

import pytest
from priorkit.cli import main
from priorkit.registry import installed_plugins

from priorkit_student_t import priorkit_recipes

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"


def train(run: Path, *arguments: str) -> int:
    return main(["train", *arguments, *TINY.split(), "--steps", "2", "--out", str(run)])


@pytest.mark.parametrize(
    "arguments",
    [
        ("vae", "--prior", "student-t"),
        ("vae", "--prior", "student-t", "--prior.degrees", "2", "--prior.learned"),
        ("aae", "--prior", "student-t", "--prior.scale", "0.5"),
        ("student-t-vae",),
    ],
    ids=["vae", "learned", "aae", "recipe"],
)
def test_trains_and_samples(arguments: tuple[str, ...], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(run, *arguments) == 0
    prior = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["prior"]
    assert prior["name"] == "student-t"
    assert main(["sample", str(run), "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0


def test_resumes(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(run, "vae", "--prior", "student-t", "--prior.learned") == 0
    assert main(["train", "--resume", str(run), "--steps", "4", "--quiet"]) == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert max(row["step"] for row in rows) == 4


def test_its_bound_on_the_likelihood_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train(run, "student-t-vae") == 0
    capsys.readouterr()  # a quiet training prints its run folder
    few = ["--likelihood-images", "20", "--importance-samples", "4", "--device", "cpu"]
    assert main(["evaluate", str(run), "--scores", "elbo,importance-weighted-bound", *few, "--json"]) == 0
    *scores, _ = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    bounds = {score["name"]: score["value"] for score in scores}
    assert None not in bounds.values()


def test_the_recipe_is_installed() -> None:
    (recipe,) = priorkit_recipes()
    assert installed_plugins().recipe("student-t-vae") == recipe
