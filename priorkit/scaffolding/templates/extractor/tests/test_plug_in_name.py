"""The feature extractor `plug-in-name`."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.interfaces import ImageShape
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.extractor import PlugInNameExtractor

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("extractor", "plug-in-name"),
    Case("extractor", "plug-in-name", {"dimensions": 5, "seed": 3}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_distances_are_nearly_kept(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (2, 1, 16, 16), generator=generator).to(torch.uint8)
    first, second = images.flatten(1).double() / 127.5 - 1
    extractor = PlugInNameExtractor(ImageShape(1, 16), dimensions=2000, seed=seed)
    seen, other = extractor.extract(images).features
    ratio = float((seen - other).square().sum() / (first - second).square().sum())
    # Seven standard deviations of sqrt(2 / 2000).
    assert abs(ratio - 1) < 0.22


def test_scores_a_trained_run(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    assert main(["train", "aae", *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    few = ["--samples", "20", "--scores", "frechet-distance", "--device", "cpu", "--quiet"]
    assert main(["evaluate", run, "--extractor", "plug-in-name", *few]) == 0
    ((score,),) = (kept["scores"] for kept in json.loads((tmp_path / "run/scores.json").read_text())["evaluations"])
    assert score["value"] > 0
