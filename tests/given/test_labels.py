"""Labels as class indices."""

from typing import Any

import numpy as np
import pytest
import torch

from priorkit.errors import DataError
from priorkit.given.labels import class_indices


@pytest.mark.parametrize(
    ("labels", "names", "indices", "expected_names"),
    [
        ([3, 7, 3], (), [0, 1, 0], ("3", "7")),
        (torch.tensor([0, 2]), ("a", "b", "c"), [0, 2], ("a", "b", "c")),
        (np.array(["dog", "cat"]), (), [1, 0], ("cat", "dog")),
        (np.array(["dog", "cat"], dtype=object), (), [1, 0], ("cat", "dog")),
        (["dog", "cat"], ("dog", "cat"), [0, 1], ("dog", "cat")),
        (np.array([[1], [0]], dtype=np.uint8), (), [1, 0], ("0", "1")),
        ([True, False], (), [1, 0], ("False", "True")),
    ],
)
def test_labels_are_numbered(
    labels: Any, names: tuple[str, ...], indices: list[int], expected_names: tuple[str, ...]
) -> None:
    (found,), class_names = class_indices([labels], names, "labels")
    assert (found.tolist(), found.dtype, class_names) == (indices, torch.int64, expected_names)


def test_all_parts_are_numbered_alike() -> None:
    (train, test), names = class_indices([[5, 9], [7]], (), "labels")
    assert (train.tolist(), test.tolist(), names) == ([0, 2], [1], ("5", "7", "9"))


@pytest.mark.parametrize(
    ("labels", "names", "told"),
    [
        ([0, -1], (), "labels below 0 usually mean a missing label"),
        ([0.5, 1.0], (), "whole numbers or texts"),
        (np.eye(3, dtype=int), (), r"give class indices, as by argmax\(1\)"),
        ([0, 3], ("a", "b"), "there are 2 class names, but a label is 3"),
        (["a", "z"], ("a", "b"), "'z' is not among the class names, a, b"),
    ],
)
def test_other_labels_are_refused(labels: Any, names: tuple[str, ...], told: str) -> None:
    with pytest.raises(DataError, match=told):
        class_indices([labels], names, "labels")
