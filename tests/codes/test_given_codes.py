"""What is taken for codes, and what is refused."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from priorkit.codes.given_codes import given_codes
from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeSpace

VECTORS = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("codes", "said", "space", "dtype"),
    [
        (VECTORS, {}, CodeSpace((3,)), torch.float64),
        (VECTORS.astype(np.float32), {}, CodeSpace((3,)), torch.float32),
        (VECTORS.astype(np.float16), {}, CodeSpace((3,)), torch.float32),
        (VECTORS.astype(int), {"kind": "vectors"}, CodeSpace((3,)), torch.float64),
        (VECTORS.tolist(), {}, CodeSpace((3,)), torch.float64),
        (torch.tensor(VECTORS, dtype=torch.bfloat16, requires_grad=True), {}, CodeSpace((3,)), torch.float32),
        (np.arange(72.0).reshape(4, 2, 3, 3), {}, CodeSpace((2, 3, 3)), torch.float64),
        (np.arange(8).reshape(2, 2, 2), {}, CodeSpace((2, 2), entries=8), torch.int64),
        (np.arange(8, dtype=np.uint8).reshape(2, 4), {"entries": 20}, CodeSpace((1, 4), entries=20), torch.int64),
        (np.arange(8).reshape(2, 4), {"kind": "indices"}, CodeSpace((1, 4), entries=8), torch.int64),
    ],
)
def test_dtype_and_shape_tell_what_codes_are(codes: Any, said: Any, space: CodeSpace, dtype: torch.dtype) -> None:
    found = given_codes(codes, **said)
    assert (found.space, found.flat.dtype, found.shape) == (space, dtype, np.shape(codes)[1:])
    values = codes.detach().float().numpy() if isinstance(codes, torch.Tensor) else np.asarray(codes)
    assert np.array_equal(found.flat.numpy(), values.reshape(len(values), -1))


def with_nan() -> Any:
    codes = VECTORS.copy()
    codes[2, 1], codes[3, 0] = np.nan, np.inf
    return codes


class Sparse:
    def toarray(self) -> None: ...


@pytest.mark.parametrize(
    ("codes", "said", "told"),
    [
        (with_nan(), {}, "codes[2, 1] is nan (row 2, column 1, counted from 0); 2 of 4 rows"),
        (np.full((2, 1, 2, 2), np.inf), {}, "codes[0, 0, 0, 0] is inf (index (0, 0, 0, 0)"),
        (VECTORS.astype(complex), {}, "codes are complex numbers (complex128 of shape (4, 3))"),
        (VECTORS.astype(str), {}, "codes are texts"),
        (VECTORS.astype(object), {}, "codes are objects"),
        ([[1.0, 2.0], [3.0]], {}, "codes cannot be made an array"),
        (np.ma.masked_greater(VECTORS, 5), {}, "codes have masked entries"),
        (Sparse(), {}, "codes are a sparse matrix"),
        (VECTORS[0], {}, "these are float64 of shape (3,); reshape them"),
        (3.0, {}, "these are float64 of shape (); reshape them"),
        (np.zeros((4, 3, 2)), {}, "these are float64 of shape (4, 3, 2)"),
        (np.zeros((4, 0)), {}, "at least 2 codes of at least 1 dimension, but these are float64 of shape (4, 0)"),
        (VECTORS[:1], {}, "at least 2 codes"),
        (np.ones((4, 3)), {}, "all 3 dimensions of the codes are constant over 4 rows"),
        (VECTORS.astype(int), {}, "may be measurements or indices of a codebook, and these are int64"),
        (VECTORS, {"kind": "blobs"}, "their kind is one of vectors, maps, indices"),
        (VECTORS, {"kind": "maps"}, "(their kind was given as maps)"),
        (VECTORS, {"kind": "indices"}, "indices must be whole numbers, but these are float64"),
        (VECTORS, {"kind": "vectors", "entries": 3}, "vectors have no entries"),
        (VECTORS.astype(int), {"entries": 3}, "indices must be from 0 to 2, as there are 3 entries"),
        (VECTORS.astype(int) - 1, {"kind": "indices"}, "but these are from -1 to 10"),
        (VECTORS.astype(int), {"entries": 1}, "a codebook has at least 2 entries, not 1"),
    ],
)
def test_everything_else_is_refused_in_one_line(codes: Any, said: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)) as caught:
        given_codes(codes, **said)
    assert "\n" not in str(caught.value)
