"""Text of plug-ins that is to stand in one line, and the nearest name to a wrong one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorkit.plugins.wording import in_one_line, nearest, without_controls


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a prior", "a prior"),
        ("  two\n\t lines ", "two lines"),
        ("\x1b[1;31mred\x1b[0m and\x07 loud", "red and loud"),
        ("Fréchet's d² [bold]", "Fréchet's d² [bold]"),
        ("half \udcff of \u202ea pair", "half of a pair"),
        ("", ""),
    ],
)
def test_lines(text: str, line: str) -> None:
    assert in_one_line(text) == line


def test_long_text_is_cut_off() -> None:
    assert in_one_line("x" * 20, 20) == "x" * 20
    assert in_one_line("x" * 21, 20) == "x" * 17 + "..."
    assert in_one_line("a b", indent=4) == "    a b"


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_can_be_printed_as_one_line(text: str) -> None:
    line = in_one_line(text, 50)
    line.encode("utf-8")
    assert line.isprintable()
    assert len(line) <= 50
    assert in_one_line(line) == line


@pytest.mark.parametrize(
    ("name", "ending"),
    [("lerned", "; did you mean 'learned'?"), ("learned", "; did you mean 'learned'?"), ("q", "."), ("", ".")],
)
def test_the_nearest_name(name: str, ending: str) -> None:
    assert nearest(name, iter(["gaussian", "learned"])) == ending


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert without_controls("a\x1b]0;owned\x07\x1b[31mb\tc\nd \u202ee\x9b") == (
        "a\\x1b]0;owned\\x07\\x1b[31mb\tc\nd \\u202ee\\x9b"
    )
    assert without_controls("Blüten, 花, ±²") == "Blüten, 花, ±²"
