"""The scores of the first command of the documentation, at its full length."""

import json

import pytest

from priorkit.cli import main


@pytest.mark.slow
def test_the_first_command_makes_digits_that_lie_near_real_ones(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "--prior", "learned", "--loss", "perceptual", "--out", str(run), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    distances = [row["held_out/sample_distance"] for row in rows if "held_out/sample_distance" in row]
    # Distances for comparison: grey images 1.18, only the digit one 0.11, the mean image 0.23, training images 0.002.
    assert distances[-1] < 0.01
    assert distances[-1] < distances[0]
