"""Codes in files."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from priorkit.codes import check_codes_output, read_codes, save_codes
from priorkit.errors import DataError, RunFolderError

CODES = np.arange(6.0).reshape(3, 2)


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    save_codes(CODES, tmp_path / "new/codes.npz", {"labels": np.array(["a", "b", "a"])})
    read = read_codes(tmp_path / "new/codes.npz")
    assert np.array_equal(read.codes, CODES)
    assert read.labels is not None
    assert read.labels.tolist() == ["a", "b", "a"]
    assert (read.conditions, read.there()) == (None, ["labels"])
    save_codes(CODES, tmp_path / "codes.npy", {"labels": CODES})
    assert np.array_equal(read_codes(tmp_path / "codes.npy").codes, CODES)
    assert [item.name for item in (tmp_path / "new").iterdir()] == ["codes.npz"]


@pytest.mark.parametrize(
    ("name", "arrays", "told"),
    [
        ("codes.csv", None, "name a file that ends in .npz"),
        ("codes.npz", None, "there is no such file; check the path"),
        ("codes.npz", {"x": CODES, "y": CODES}, "it has no array `codes`, and holds x, y"),
        ("codes.npz", {}, "it has no array `codes`, and holds nothing"),
        ("codes.npz", {"codes": np.array([{}, None])}, "it holds arrays of Python objects"),
        ("codes.npy", b"not an array", "cannot be read"),
        ("codes.npz", b"PK not an archive", "cannot be read"),
        ("codes.npz", b"", "cannot be read"),
    ],
)
def test_other_files_are_refused_in_one_line(name: str, arrays: Any, told: str, tmp_path: Path) -> None:
    if isinstance(arrays, bytes):
        (tmp_path / name).write_bytes(arrays)
    elif arrays is not None:
        np.savez(tmp_path / name, **arrays)
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        read_codes(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    taken = tmp_path / "codes.npy"
    taken.touch()
    for path, told in (
        (taken, "exists already"),
        (tmp_path / "codes.png", r"ends in \.npz or \.npy"),
        (tmp_path, "ends in"),
    ):
        with pytest.raises(RunFolderError, match=told):
            check_codes_output(path, overwrite=False)
    save_codes(CODES, taken, {}, overwrite=True)
    assert np.array_equal(np.load(taken), CODES)
