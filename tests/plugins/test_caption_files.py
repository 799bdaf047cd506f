"""Captions in text files."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from priorkit.errors import DataError
from priorkit_plugins.caption_files import captioned_images, read_captions, text_lines

LINES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf"]), min_size=1), max_size=5
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, end=st.sampled_from(["\n", "\r\n", "\r"]), mark=st.booleans(), last=st.booleans())
def test_lines_are_read_as_any_system_writes_them(
    lines: list[str], end: str, mark: bool, last: bool, tmp_path: Path
) -> None:
    path = tmp_path / "captions.txt"
    text = end.join(lines) + end * last
    path.write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))
    assert read_captions(path) == tuple(lines)


def test_blank_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_text("\n  a red flower \n\t\n\ufeff赤い花\n", encoding="utf-8")
    assert list(text_lines(path)) == [(2, "a red flower"), (4, "赤い花")]
    path.write_text("a" * 100_000)
    assert read_captions(path) == ("a" * 100_000,)


@pytest.mark.parametrize(
    ("encoding", "mended", "line"),
    [("latin-1", "LATIN1", 2), ("utf-16", "UTF-16", 1), ("utf-16-le", "UTF-16", 1), ("utf-16-be", "UTF-16", 1)],
)
def test_other_encodings_are_named_with_the_line(encoding: str, mended: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_bytes("a flower\nétamine\n".encode(encoding))
    words = f"{path}, line {line}, is not UTF-8: convert the file, such as by iconv -f {mended} -t UTF-8"
    with pytest.raises(DataError, match=re.escape(words)):
        read_captions(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path} cannot be read \(Is a directory\)"):
        read_captions(tmp_path)


def reason(index: int) -> str:
    return f"{index}.txt is missing"


def test_images_without_captions_are_named_or_left_out() -> None:
    captions = [("a", "b"), (), ("c",), (), (), ()]
    words = r"4 of 6 images have no captions \(1.txt is missing, 3.txt is missing, 4.txt is missing, ...\)"
    with pytest.raises(DataError, match=f"{words}.*--dataset.captionless drop.*--no-dataset.captions"):
        captioned_images(captions, reason, "refuse")
    kept, notes = captioned_images(captions, reason, "drop")
    assert kept.tolist() == [0, 2]
    assert notes == ["4 of 6 images are left out, as they have no captions", "there are 1 to 2 captions of each image"]


def test_captions_of_all_images() -> None:
    kept, notes = captioned_images([("a",), ("b",)], reason, "refuse")
    assert (kept.tolist(), notes) == ([0, 1], ["there is 1 caption of each image"])
    with pytest.raises(DataError, match=r"2 of 2 images have no captions .*: add them, or read no captions"):
        captioned_images([(), ()], reason, "drop")
