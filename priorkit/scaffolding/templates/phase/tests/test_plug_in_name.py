"""The phase `plug-in-name`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"
NAME = "plug-in-name"
LOSS = "loss/plug_in_name/codes_found"
CHOSEN = ["--phases", f"autoencoder,{NAME}"]

CASES = [
    Case("phases", NAME),
    Case("phases", NAME, {"weight": 3.0}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def losses(run: Path) -> list[float]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row[LOSS] for row in rows if LOSS in row]


def test_the_encoder_learns_to_find_codes(tmp_path: Path) -> None:
    command = ["train", "aae", *CHOSEN, "--learning-rate", "1e-2", *TINY.split(), "--log-every", "10"]
    assert main([*command, "--steps", "100", "--out", str(tmp_path / "run")]) == 0
    first, *_, last = losses(tmp_path / "run")
    assert last < first


def test_its_weight_scales_its_loss(tmp_path: Path) -> None:
    command = ["train", "aae", *CHOSEN, *TINY.split(), "--log-every", "1", "--steps", "1"]
    assert main([*command, "--out", str(tmp_path / "one")]) == 0
    assert main([*command, f"--phases.{NAME}.weight", "3", "--out", str(tmp_path / "three")]) == 0
    assert losses(tmp_path / "three")[0] == pytest.approx(3 * losses(tmp_path / "one")[0], rel=1e-3)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    assert main(["train", "aae", *CHOSEN, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0


def test_a_gan_has_no_encoder_to_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "dcgan", "--phases", f"prior-improvement,{NAME}", "--networks.width", "2", "--quiet"]
    assert main([*command, "--steps", "1", "--out", str(tmp_path / "run")]) != 0
    assert f"--phases {NAME}: trains the encoder" in capsys.readouterr().err
