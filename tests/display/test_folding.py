import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorkit.display.folding import folded, shown_width, width_of


@given(st.text("ab/- é漢\n", max_size=80), st.integers(10, 40))
def test_words_stay_whole_and_lines_are_no_wider(text: str, width: int) -> None:
    result = folded(text, width)
    assert result.split() == text.split()
    for line in result.split("\n"):
        assert shown_width(line) <= width or len(line.split()) == 1


def test_the_rest_of_a_line_is_indented() -> None:
    assert folded("  one two three", 9) == "  one two\n    three"
    assert folded("name   " + "word " * 6, 30, hang=7) == "name   word word word word\n       word word"


def test_a_word_that_does_not_fit_beside_a_name_stands_below_it() -> None:
    path = "runs/a/path/of/thirty/letters/x"
    assert folded(f"report               {path}", 40, hang=21) == f"report\n    {path}"


def test_short_lines_and_files_stay_as_they_are() -> None:
    assert folded("a  b ", 10) == "a  b "
    assert folded("word " * 100, None) == "word " * 100


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("👍", 2), ("a\u200b", 1)])
def test_the_width_on_a_screen(text: str, width: int) -> None:
    assert shown_width(text) == width


def test_files_have_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert width_of(io.StringIO()) is None
    assert width_of(None) is None
    monkeypatch.setenv("COLUMNS", "60")
    assert width_of(io.StringIO()) == 60
    closed = io.StringIO()
    closed.close()
    assert width_of(closed) is None
