"""The recipe `plug-in-name`."""

import json
import tomllib
from pathlib import Path

import pytest
from priorkit.cli import main
from priorkit.registry import installed_plugins

from priorkit_plug_in_name import priorkit_recipes

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"


def test_is_installed() -> None:
    (recipe,) = priorkit_recipes()
    assert installed_plugins().recipe("plug-in-name") == recipe


def first_losses(run: Path) -> dict[str, float]:
    """Returns the loss terms of the first step, by name."""
    row: dict[str, float] = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])
    return row


def test_the_divergence_counts_four_times_as_much_as_in_a_vae(tmp_path: Path) -> None:
    for name in ("plug-in-name", "vae"):
        assert main(["train", name, *TINY.split(), "--steps", "1", "--out", str(tmp_path / name)]) == 0
    ours, usual = first_losses(tmp_path / "plug-in-name"), first_losses(tmp_path / "vae")
    name = next(name for name in ours if name.endswith("regularization"))
    assert ours[name] == pytest.approx(4 * usual[name], rel=1e-4)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = tmp_path / "run"
    chosen = [*TINY.split(), "--steps", "2", "--out", str(run)]
    assert main(["train", "plug-in-name", *chosen]) == 0
    settings = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
    assert settings["regularizer"]["weight"] == 4
    assert main(["sample", str(run), "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
