import json
from pathlib import Path

import pytest

from priorkit.watching.measurements import Measurements


def row(step: int, **values: float) -> str:
    named = {name.replace("__", "/"): value for name, value in values.items()}
    return json.dumps({"step": step, "images": 64 * step, "seconds": 0.5 * step, **named}) + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def add(file: Path, text: str) -> None:
    with file.open("a") as opened:
        opened.write(text)


def test_only_what_is_new_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[bytes] = []
    found = Measurements()
    take = found._take
    monkeypatch.setattr(found, "_take", lambda line: (lines.append(line), take(line)))
    add(file, row(1, loss__x=3.0) + row(2, loss__x=2.0, held_out__sample_distance=0.5))
    found.refresh(file)
    changes = found.changes
    found.refresh(file)
    assert (len(lines), found.changes) == (2, changes)
    add(file, row(3, loss__x=1.0))
    found.refresh(file)
    assert (len(lines), found.changes) == (3, changes + 1)
    assert found.curves["loss/x"].points("step") == [(1, 3.0), (2, 2.0), (3, 1.0)]
    assert found.last == {"step": 3, "images": 192, "seconds": 1.5}
    assert found.held_out == {"sample_distance": 0.5}
    assert found.seconds_a_step == pytest.approx(0.5)


def test_the_end_of_a_line_may_come_later(file: Path) -> None:
    whole, found = row(7, loss__x=1.0), Measurements()
    add(file, whole[:20])
    found.refresh(file)
    assert found.curves == {}
    add(file, whole[20:])
    found.refresh(file)
    assert found.curves["loss/x"].points("step") == [(7, 1.0)]


@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_that_is_written_anew_is_read_anew(file: Path, in_place: bool) -> None:
    found = Measurements()
    add(file, row(1, loss__x=3.0) + row(2, loss__x=2.0) + row(3, loss__gone=9.0))
    found.refresh(file)
    # As a run does that is gone on with; the new file may be longer than the one before.
    again = row(1, loss__x=3.0) + row(2, loss__x=2.5) + row(3, loss__x=2.25) + row(4, loss__x=2.0)
    if in_place:
        file.write_text(again)
    else:
        file.rename(file.with_name("kept"))
        file.write_text(again)
    found.refresh(file)
    assert found.curves.keys() == {"loss/x"}
    assert found.curves["loss/x"].points("step") == [(1, 3.0), (2, 2.5), (3, 2.25), (4, 2.0)]
    file.unlink()
    found.refresh(file)
    assert (found.curves, found.last["step"]) == ({}, 0)


def test_what_is_no_measurement_is_left_out(file: Path) -> None:
    found = Measurements()
    add(
        file,
        '\n[1]\n{"step": "x"}\nnot json\n'
        + "y" * 5_000_000
        + "\n"
        + row(2, loss__x=float("nan"))
        + row(3, loss__x=1.0),
    )
    found.refresh(file)
    assert found.curves["loss/x"].points("step") == [(3, 1.0)]


def test_warnings_are_in_words(file: Path) -> None:
    found = Measurements()
    add(file, row(700, **{"symptom/idle-critic/improvement": 1e-5, "symptom/<i>of-later": 3.0}))
    found.refresh(file)
    assert found.warnings[0].startswith("Step 700: ")
    assert "To try: " in found.warnings[0]
    assert found.warnings[1] == "Step 700: <i>of-later 3"
