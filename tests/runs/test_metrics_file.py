import json
import os
from pathlib import Path

import pytest

from priorkit.errors import RunFolderError
from priorkit.runs import RunFolder, read_metrics, write_report
from priorkit.runs.metrics_file import each_measurement

ROWS = [{"step": step, "images": 6 * step, "seconds": 0.5, "loss/a": float(step)} for step in (1, 2, 3)]
LINES = [json.dumps(row).encode() for row in ROWS]


@pytest.fixture
def new_folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_a_folder_without_metrics_has_none(new_folder: RunFolder) -> None:
    assert read_metrics(new_folder) == []


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("end", [b"", b"\n", b'\n{"step": 4, "ima', b"\n\xc3", b"\n\n\n"])
def test_all_whole_lines_are_read(end: bytes, strict: bool, new_folder: RunFolder) -> None:
    new_folder.metrics.write_bytes(b"\n".join(LINES) + end)
    assert read_metrics(new_folder, strict=strict) == ROWS


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize(
    "line",
    [
        b"note",
        b'{"step": 1, "ima',
        b"\xff\xfe",
        b"3",
        b"null ",
        b"[1]",
        b'{"loss/a": 1.0}',
        b'{"step": "1", "images": 6, "seconds": 0.5}',
        b'{"step": 1, "images": 6, "seconds": 0.5, "loss/a": null}',
        b'{"step": NaN, "images": 6, "seconds": 0.5}',
        b'{"step": 1, "images": 6, "seconds": 1e999}',
        b'{"step": 1, "images": 6, "seconds": 0.5, "loss/a": 1' + b"0" * 400 + b"}",
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_measurement_is_left_out_or_refused(line: bytes, place: int, folder: RunFolder) -> None:
    folder.metrics.write_bytes(b"\n".join([*LINES[:place], line, *LINES[place:]]) + b"\n")
    assert read_metrics(folder) == ROWS
    write_report(folder)
    with pytest.raises(RunFolderError, match=rf"line {place + 1} of '.*metrics\.jsonl' is not a measurement") as caught:
        read_metrics(folder, strict=True)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="other errors there")
def test_a_file_that_cannot_be_read_is_an_error_of_one_line(new_folder: RunFolder) -> None:
    new_folder.metrics.mkdir()
    with pytest.raises(RunFolderError, match="cannot read the run's metrics"):
        read_metrics(new_folder)


def test_measurements_come_one_by_one_and_long_lines_are_left_out(folder):
    rows = list(each_measurement(folder))
    assert rows == read_metrics(folder)
    assert rows
    with folder.metrics.open("ab") as file:
        row = b'{"step": 7, "images": 1, "seconds": 1}'
        file.write(b"[" * 100_000 + b"\n" + b" " * 2**20 + row + b"\n" + row + b"\n" + row[:-3])
    assert [row["step"] for row in each_measurement(folder)] == [*(row["step"] for row in rows), 7]
    folder.metrics.unlink()
    assert list(each_measurement(folder)) == []
