import pytest
import torch

from priorkit.evaluation import colour_agreement
from priorkit.evaluation.picture_colours import COLOURS


def test_colours_count_alike_however_many_captions_name_them() -> None:
    texts = ["a red rose"] * 4 + ["blue", "blue"] + ["red and blue", "a bud", "pink", "green with a red rim", "green"]
    red, blue = COLOURS.index("red"), COLOURS.index("blue")
    found = colour_agreement(texts, torch.tensor([red, red, red, -1, blue, red, red, red, red, blue, red]), fewest=2)
    assert found.shares == {"red": 0.75, "blue": 0.5}
    assert found.counts == {"red": 4, "blue": 2}
    assert found.mean == 0.625
    assert found.count == 6
    assert found.error == pytest.approx((0.75 * 0.25 / 4 + 0.5 * 0.5 / 2) ** 0.5 / 2)


def test_chance_is_that_of_a_painter_who_does_not_listen() -> None:
    # Seven colours, and no colour, equally often, where two are asked for.
    shown = torch.arange(8).repeat(100) - 1
    texts = ["a red rose", "a blue iris"] * 400
    order = torch.randperm(800, generator=torch.Generator().manual_seed(0))
    found = colour_agreement(texts, shown[order])
    assert found.chance == 1 / 8
    assert found.mean == pytest.approx(found.chance, abs=0.03)
    # Of what no counted caption asks for, nothing is counted.
    few = colour_agreement([*texts, "yellow"], torch.tensor([*shown.tolist(), 2]), fewest=2)
    assert few.chance == 1 / 8
