"""The data set `plug-in-name`."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.source import SHAPES, PlugInNameSource, draw_shapes

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("dataset", "plug-in-name", {"count": 40}),
    Case("dataset", "plug-in-name", {"count": 30, "seed": 1}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(("shape", "area"), [("square", 4), ("disc", math.pi), ("ring", 0.75 * math.pi)])
@settings(deadline=None, max_examples=20)
@given(radius=st.floats(30, 60), offset=st.floats(-4, 4))
def test_shapes_have_their_areas(shape: str, area: float, radius: float, offset: float) -> None:
    centre = torch.full((1, 2), 64 + offset)
    drawn = draw_shapes(torch.tensor([SHAPES.index(shape)]), centre, torch.tensor([radius]), 128)
    assert float(drawn.sum()) / radius**2 == pytest.approx(area, rel=0.08)


def test_images_hold_one_colour_on_black_and_the_seed_decides() -> None:
    images = PlugInNameSource(count=50, seed=3).load().train.first(45)
    for image in images.flatten(2):
        assert len(image.unique(dim=1).T) == 2
        assert (image == 0).all(dim=0).any()
    again = PlugInNameSource(count=50, seed=3).load().train.first(45)
    assert torch.equal(images, again)
    other = PlugInNameSource(count=50, seed=4).load().train.first(45)
    assert not torch.equal(images, other)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--dataset", "plug-in-name", "--dataset.count", "60"]
    assert main(["train", "learned", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
