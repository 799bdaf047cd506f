import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorkit.display.console import Console
from priorkit.display.tables import column_widths, listing, records

CELLS = st.lists(st.lists(st.text("ab ", max_size=12), min_size=3, max_size=3), min_size=1, max_size=4)


@given(CELLS, st.integers(5, 40))
def test_columns_fit_and_hold_their_longest_words(rows: list[list[str]], room: int) -> None:
    widths = column_widths(rows, room)
    least = [
        max((len(word) for cell in column for word in cell.split()), default=0) for column in zip(*rows, strict=True)
    ]
    if sum(least) > room:
        assert widths is None
    else:
        assert widths is not None
        assert sum(widths) <= room
        assert all(width >= one for width, one in zip(widths, least, strict=True))
        natural = [max(map(len, column)) for column in zip(*rows, strict=True)]
        assert sum(natural) > room or widths == natural


def test_text_gives_way_before_figures() -> None:
    rows = [["score", "0.1234 ± 0.0002", "a note of very many words that may be folded"]]
    assert column_widths(rows, 45) == [5, 15, 25]


def test_records_name_what_cells_are() -> None:
    assert records(["run", "loss"], [["a", "0.1"], ["b", ""]], 80) == "run   a\nloss  0.1\n\nrun  b"


def test_values_are_folded_beside_their_names() -> None:
    assert listing([("name", "some words that are long"), ("b", "c")], 26) == (
        "name  some words that are\n      long\nb     c"
    )


@pytest.mark.parametrize("columns", [200, 60, 30])
@pytest.mark.parametrize("method", ["columns", "grid"])
def test_a_console_breaks_no_word(
    columns: int, method: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    header = ["run", "score", "where"]
    rows = [["first", "0.25 ± 0.01", "runs/of-somebody/first"], ["second", "", "a longer text in several words"]]
    getattr(Console(), method)(header, rows)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert all(len(line) <= columns for line in lines)
    words = {word for line in lines if "─" not in line for word in line.split()}
    assert words == {word for row in [header, *rows] for cell in row for word in cell.split()}
