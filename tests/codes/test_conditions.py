"""What given codes are conditioned on."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from priorkit.codes.conditions import given_conditions
from priorkit.errors import ConfigurationError


@pytest.mark.parametrize(
    ("conditions", "classes"),
    [
        ([3, 1, 3, 7], (1, 3, 7)),
        (torch.tensor([3, 1, 3, 7]), (1, 3, 7)),
        (np.array([3, 1, 3, 7], np.uint8), (1, 3, 7)),
        (["b", "a", "b", "c"], ("a", "b", "c")),
        (np.array(["b", "a", "b", "c"], object), ("a", "b", "c")),
    ],
)
def test_whole_numbers_and_texts_are_classes(conditions: Any, classes: Any) -> None:
    found = given_conditions(conditions, 4)
    assert (found.component, found.classes, found.shares) == ("labels", classes, (0.25, 0.5, 0.25))
    assert found.carrier.labels is not None
    assert found.carrier.labels.tolist() == [1, 0, 1, 2]


def test_truth_values_are_two_classes() -> None:
    assert given_conditions([True, False], 2).classes == (0, 1)


def test_vectors_are_scaled() -> None:
    vectors = np.array([[1e6, 5.0], [1e6 + 2, 5.0]])
    found = given_conditions(vectors, 2)
    assert found.component == "embedding"
    assert found.carrier.embeddings is not None
    assert found.carrier.embeddings.tolist() == [[-1.0], [1.0]]


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ([1, 2], "there are 3 codes and 2 conditions"),
        ([0.5, 1.5, 2.5], "for one number a code, reshape them to (3, 1)"),
        (np.zeros((3, 2, 2)), "these are float64 of shape (3, 2, 2)"),
        (["a", "a", "a"], "all 3 codes are of the class 'a'"),
        ([1, None, 2], "these are object of shape (3,)"),
        (np.array([[1.0], [np.nan], [2.0]]), "conditions[1, 0] is nan"),
        (np.ones((3, 2)), "all 2 dimensions of the conditions are constant"),
        (np.zeros((3, 0)), "conditions must have at least 1 dimension"),
    ],
)
def test_others_are_refused(conditions: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        given_conditions(conditions, 3)


def test_labels_below_0_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"go down to -1 \(2 codes\).*has none"):
        given_conditions(np.array([0, 1, -1, -1]), 4)
    assert given_conditions(np.array(["0", "1", "-1", "-1"]), 4).classes == ("-1", "0", "1")
