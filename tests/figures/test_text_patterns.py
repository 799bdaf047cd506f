"""Texts with alternatives in braces."""

import pytest

from priorkit.errors import ConfigurationError
from priorkit.figures import spelled_out


def test_several_braces_give_every_combination():
    assert spelled_out("a {red, blue}  square {is big,is small}") == [
        ("red, is big", "a red square is big"),
        ("red, is small", "a red square is small"),
        ("blue, is big", "a blue square is big"),
        ("blue, is small", "a blue square is small"),
    ]
    assert [text for _, text in spelled_out("{a}")] == ["a"]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("a red square", "put the alternatives for the columns in braces"),
        ("a {red square", "put the alternatives for the columns in braces"),
        ("a {red, {big}}", "put the alternatives for the columns in braces"),
        ("a {red,, blue}", "an alternative in braces is empty"),
        ("{1,2,3,4,5,6,7,8,9,10,11}" * 2, "stand for more than 100 texts"),
    ],
)
def test_wrong_patterns(pattern, told):
    with pytest.raises(ConfigurationError, match=told):
        spelled_out(pattern)
