"""Vectors that describe images, in a file of each."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from priorkit.errors import DataError
from priorkit_plugins.image_vectors import read_vectors


class Code:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_several_vectors_are_averaged(counts: list[int], seed: int, tmp_path: Path) -> None:
    drawn = torch.Generator().manual_seed(seed)
    # 0 stands for a vector without a first dimension.
    arrays = [torch.randn(*([count] * bool(count)), 3, generator=drawn).numpy() for count in counts]
    paths = [tmp_path / f"{index}.npy" for index in range(len(counts))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    vectors, notes = read_vectors(paths, len(paths))
    assert (vectors.dtype, vectors.shape) == (torch.float32, (len(paths), 3))
    for vector, array in zip(vectors, arrays, strict=True):
        assert vector.numpy() == pytest.approx(array.reshape(-1, 3).mean(axis=0), abs=1e-6)
    averaged = sum(count > 1 for count in counts)
    expected = f"up to {max(counts)} embeddings of {averaged} images are averaged to one each"
    assert notes == ([expected] if averaged else [])


def test_missing_files_are_counted_and_named(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", np.zeros(2))
    paths = [tmp_path / f"{index}.npy" for index in range(6)]
    words = f"5 of 6 images have no embedding, as there is no {paths[1]}, {paths[2]}, {paths[3]}, ...: add these files"
    with pytest.raises(DataError, match=re.escape(words)):
        read_vectors(paths, 6)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(3), "has 3 dimensions, and"),
        (np.zeros((1, 2, 2)), r"float64 of shape \(1, 2, 2\), but an image's embeddings must be numbers of shape"),
        (np.zeros((0, 2)), r"of shape \(0, 2\)"),
        (np.array(["a", "b"]), "but an image's embeddings must be numbers"),
        (np.array([0, np.nan]), "infinite, too large or not a number"),
        (np.array([0, 1e300]), "infinite, too large or not a number"),
        (np.array([Code(), 1]), "it holds Python objects"),
    ],
)
def test_what_is_no_vector_is_named(array: np.ndarray, words: str, tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", np.zeros(2))
    np.save(tmp_path / "1.npy", array)
    with pytest.raises(DataError, match=words) as caught:
        read_vectors([tmp_path / "0.npy", tmp_path / "1.npy"], 2)
    assert str(tmp_path / "1.npy") in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x93NUMPY\x01\x00"])
def test_broken_files_are_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "0.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path} cannot be read") as caught:
        read_vectors([path], 1)
    assert "\n" not in str(caught.value)


def test_an_archive_of_arrays_is_no_array(tmp_path: Path) -> None:
    with (tmp_path / "0.npy").open("wb") as file:
        np.savez(file, a=np.zeros(2))
    with pytest.raises(DataError, match=r"is a \.npz file: write one array"):
        read_vectors([tmp_path / "0.npy"], 1)
