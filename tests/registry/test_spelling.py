"""The nearest name to a wrong one."""

import pytest

from priorkit.plugins import nearest


@pytest.mark.parametrize(
    ("name", "ending"),
    [("lerned", "; did you mean 'learned'?"), ("learned", "; did you mean 'learned'?"), ("q", "."), ("", ".")],
)
def test_the_nearest_name(name: str, ending: str) -> None:
    assert nearest(name, iter(["gaussian", "learned"])) == ending
