"""JSON that somebody may have changed."""

import pytest

from priorkit.config import parse_json


def test_json_is_read() -> None:
    assert parse_json('{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000 + "]" * 100_000, "{", "", '{"a": ' * 100_000, "9" * 5000],
    ids=["lists", "cut", "empty", "objects", "digits"],
)
def test_what_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(text)
