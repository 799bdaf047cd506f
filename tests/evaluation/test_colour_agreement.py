import pytest
import torch

from priorkit.evaluation import colour_agreement
from priorkit.evaluation.picture_colours import COLOURS


def test_colours_count_alike_however_many_captions_name_them() -> None:
    texts = ["a red rose"] * 4 + ["blue", "blue"] + ["red and blue", "a bud", "pink"]
    red, blue = COLOURS.index("red"), COLOURS.index("blue")
    found = colour_agreement(texts, torch.tensor([red, red, red, -1, blue, red, red, red, red]), fewest=2)
    assert found.shares == {"red": 0.75, "blue": 0.5}
    assert found.counts == {"red": 4, "blue": 2}
    assert found.mean == 0.625
    assert found.count == 6
    assert found.error == pytest.approx((0.75 * 0.25 / 4 + 0.5 * 0.5 / 2) ** 0.5 / 2)
