import sys

import numpy as np
import pytest
from PIL import Image

from priorkit.figures.captions import caption_columns, shortened, stack


def inked(picture: Image.Image) -> np.ndarray:
    """Where there is ink on white."""
    return np.asarray(picture.convert("L")) < 128


def test_captions_stand_above_their_columns_and_the_grid_stays_as_it_is() -> None:
    grid = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 120), dtype=np.uint8))
    picture = caption_columns(grid, ["a", "bb", "c"])
    head = picture.height - grid.height
    assert picture.size == (120, 50 + head)
    assert np.array_equal(np.asarray(picture)[head:], np.asarray(grid))
    columns = np.flatnonzero(inked(picture)[:head].any(axis=0)) // 40
    assert set(columns.tolist()) == {0, 1, 2}
    # Each is in the middle of its column.
    for column in range(3):
        ink = np.flatnonzero(inked(picture)[:head, 40 * column : 40 * (column + 1)].any(axis=0))
        assert abs((ink[0] + ink[-1]) / 2 - 19.5) <= 2


def test_long_captions_stand_upright() -> None:
    grid = Image.new("RGB", (60, 20), "red")
    short, long = caption_columns(grid, ["a", "b"]), caption_columns(grid, ["a", "black-eyed susan"])
    assert long.mode == "RGB"
    assert long.width == short.width == 60
    assert long.height > 3 * short.height
    assert inked(long)[: long.height - 20, 30:].any()


@pytest.mark.parametrize("installed", [True, False])
def test_other_letters_are_drawn_too(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
    first, second = (np.asarray(caption_columns(Image.new("L", (90, 9)), [word])) for word in ("ä", "Ж"))
    assert min(first.min(), second.min()) < 128, "there is ink"
    # Without matplotlib's font, there may be a box in place of either.
    if installed:
        assert first.shape != second.shape or not np.array_equal(first, second)


def test_pictures_are_stacked_under_their_captions() -> None:
    grey, red = Image.new("L", (30, 10), 7), Image.new("RGB", (90, 20), (255, 0, 0))
    whole = stack([grey, red], ["one", "a caption that is wider than any of the two pictures"])
    pixels = np.asarray(whole)
    assert whole.mode == "RGB"
    assert whole.width > 90
    grey_rows = np.flatnonzero((pixels[:, :30] == 7).all(axis=(1, 2)))
    red_rows = np.flatnonzero((pixels[:, :90] == (255, 0, 0)).all(axis=(1, 2)))
    assert len(grey_rows) == 10
    assert len(red_rows) == 20
    assert inked(whole)[: grey_rows[0]].any()
    assert inked(whole)[grey_rows[-1] + 1 : red_rows[0]].any()
    assert stack([grey, grey], ["", ""]).mode == "L"


def test_words_of_any_length_are_cut_to_the_width() -> None:
    # By a letter at a time, this would take hours.
    cut = shortened("red " * 500_000, 300)
    assert cut.startswith("red red")
    assert cut.endswith("...")
    assert stack([Image.new("L", (300, 8))], [cut]).width == 300
    assert shortened("a  red\nsquare", 300) == "a red square"
    upright = caption_columns(Image.new("L", (60, 20)), ["a", "red " * 500_000])
    assert upright.height < 600
