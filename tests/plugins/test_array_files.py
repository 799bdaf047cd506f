"""Arrays in files that somebody else may have written."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from priorkit.plugins import BROKEN_FILE_ERRORS, checked_array


def test_arrays_come_back_as_they_are() -> None:
    for array in (np.arange(3), np.array(["a", "Å"]), np.array([], dtype="U4"), np.zeros((2, 0))):
        assert checked_array(array) is array


def test_members_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("codes.npy", b"these are no numbers")
    with np.load(tmp_path / "a.npz") as arrays, pytest.raises(ValueError, match="it is not an array"):
        checked_array(arrays["codes"])


def test_texts_with_characters_that_do_not_exist_are_refused() -> None:
    texts = np.array([0x110000], dtype=np.uint32).view("<U1")
    with pytest.raises(ValueError, match="its texts have invalid Unicode characters"):
        checked_array(texts)


@pytest.mark.parametrize("length", range(0, 300, 7))
def test_what_a_cut_file_raises_is_listed(length: int) -> None:
    whole = io.BytesIO()
    np.savez_compressed(whole, codes=np.arange(100))
    with pytest.raises(BROKEN_FILE_ERRORS):
        np.load(io.BytesIO(whole.getvalue()[:length]))["codes"]
