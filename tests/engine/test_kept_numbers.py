from typing import Any

import pytest

from priorkit.engine.kept_numbers import real_number, whole_number


@pytest.mark.parametrize("value", [None, True, "3", 1.5, -1, 2**63, [1]])
def test_what_counts_nothing_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="the number of steps is"):
        whole_number(value, "steps")


@pytest.mark.parametrize("value", [None, True, "3", float("nan"), float("inf"), -0.5])
def test_what_measures_nothing_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="the time is"):
        real_number(value, "time")


def test_numbers_stay_what_they_are() -> None:
    assert (whole_number(3, "steps"), real_number(3, "time"), real_number(0.5, "time")) == (3, 3.0, 0.5)
