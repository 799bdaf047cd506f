from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Condition
from priorkit.runs.classes import class_names, find_class


class Asked(Condition):
    def __init__(self, classes: int, from_labels: bool) -> None:
        super().__init__()
        self.dim = classes or 3
        self.classes = classes
        self.from_labels = from_labels

    def draw(self, n: int, **where: Any) -> Tensor:
        return torch.zeros(n, self.dim)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return recovered.sum()


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (None, ()),
        (Asked(0, False), ()),
        (Asked(2, True), ("cat", "dog")),
        (Asked(3, True), ("cat", "dog", "2")),
        # What classes mean that are drawn at random is learned, so no names of the data are theirs.
        (Asked(2, False), ("0", "1")),
    ],
    ids=["none", "vector", "labels", "more labels than names", "random"],
)
def test_names(condition: Condition | None, names: tuple[str, ...], environment: dict[str, Any]) -> None:
    environment["data"]["class_names"] = ["cat", "dog"]
    assert class_names(condition, environment) == names
    del environment["data"]["class_names"]
    assert class_names(condition, environment) == tuple(map(str, range(len(names))))


def test_a_class_is_found_by_name_or_index() -> None:
    names = ["cat", "2", "dog"]
    assert [find_class(wanted, names) for wanted in ("cat", "dog", 0, 1, 2, "0", "1")] == [0, 2, 0, 1, 2, 0, 1]
    # A name that looks like an index is a name.
    assert find_class("2", names) == 1


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("dgo", "no class 'dgo'; did you mean 'dog'? The classes: cat, dog; or their indices, 0 to 1"),
        (2, "no class 2. The classes: cat, dog;"),
        ("2", "no class 2."),
        (-1, "no class -1."),
        ("-1", "no class '-1'."),
        ("", "no class ''."),
    ],
)
def test_unknown_classes(wanted: int | str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_class(wanted, ["cat", "dog"])
    assert message in str(caught.value)


def test_of_many_classes_some_are_listed() -> None:
    with pytest.raises(ConfigurationError, match=r"18, 19, \.\.\.; or their indices, 0 to 101"):
        find_class("rose", [str(number) for number in range(102)])


def test_where_all_names_are_numbers_no_text_is_an_index() -> None:
    names = ["1", "2", "3"]
    assert [find_class(wanted, names) for wanted in ("1", "3", 0, 2)] == [0, 2, 0, 2]
    with pytest.raises(ConfigurationError) as caught:
        find_class("0", names)
    assert str(caught.value) == "no class '0'. The classes: 1, 2, 3"
