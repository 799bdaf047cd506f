"""Codes in files."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from priorkit.codes import check_codes_output, read_codes, save_codes
from priorkit.codes.code_files import CodesFile
from priorkit.errors import ConfigurationError, DataError, RunFolderError

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
        ("codes.npz", {"x": CODES, "y": CODES}, "it has no array `codes`, but x, y"),
        ("codes.npz", {}, "it has no array `codes`, but no array at all"),
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


def test_a_damaged_or_locked_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    save_codes(CODES, tmp_path / "codes.npz", {})
    whole = (tmp_path / "codes.npz").read_bytes()
    damaged, locked = bytearray(whole), bytearray(whole)
    # Behind a header of 30 bytes, a name and extra fields, compressed data start with the type of a block: none is 3.
    damaged[30 + sum(int.from_bytes(whole[place : place + 2], "little") for place in (26, 28))] = 0xFF
    # The first bit of an entry's flags says that it has a password: in its own header, and in the archive's list.
    for flags in (6, whole.index(b"PK\x01\x02") + 8):
        locked[flags] |= 1
    for content, told in ((damaged, "cannot be read: Error -3"), (locked, "cannot be read: File .* is encrypted")):
        (tmp_path / "codes.npz").write_bytes(content)
        with pytest.raises(DataError, match=told) as caught:
            read_codes(tmp_path / "codes.npz")
        assert "\n" not in str(caught.value)


def test_a_condition_takes_its_own_array_by_any_of_its_names() -> None:
    labels, vectors = np.arange(3), np.ones((3, 4))
    read = CodesFile(Path("codes.npz"), CODES, labels, vectors)
    for prefix in ("", "priorkit:"):
        assert read.conditions_for(f"{prefix}none") is None
        assert read.conditions_for(f"{prefix}labels") is labels
        assert read.conditions_for(f"{prefix}embedding") is vectors
    with pytest.raises(ConfigurationError, match="has no array 'conditions' beside its codes"):
        CodesFile(Path("codes.npz"), CODES, labels).conditions_for("priorkit:embedding")


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    taken = tmp_path / "codes.npy"
    taken.touch()
    for path, told in (
        (taken, "already exists"),
        (tmp_path / "codes.png", r"ends in \.npz or \.npy"),
        (tmp_path, "ends in"),
    ):
        with pytest.raises(RunFolderError, match=told):
            check_codes_output(path, overwrite=False)
    save_codes(CODES, taken, {}, overwrite=True)
    assert np.array_equal(np.load(taken), CODES)
