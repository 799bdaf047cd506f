"""Spans of time in words."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.config import format_duration, parse_duration

HOUR = 3600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("8m", 480),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("1h30m15s", 5415),
        ("1h15s", 3615),
        ("8m 05s", 485),
        ("1h 30m", 5400),
        (" 0.5S ", 0.5),
        ("100m", 6000),
        (90, 90),
        (0.25, 0.25),
    ],
)
def test_examples(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "soon", "h", "-3s", "0", "0h0m", "1e3", "30m1h", "1 h", "1d", "1:30", "1h1h", ".5h", "5.", "nan"),
        *("\u0663s", "9" * 400, b"90s", [90], True, None, 0, -1, -0.5, math.nan, math.inf, 10**400),
        # An hour and thirty what?
        *("1h30", "8m05"),
    ],
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=r"^expected a time such as 90s, 8m or 1h30m$"):
        parse_duration(value)


@settings(deadline=None)
@given(st.floats(min_value=1e-5, max_value=1e12))
def test_seconds_stay_as_they_are(seconds: float) -> None:
    assert parse_duration(seconds) == seconds
    assert parse_duration(f"{seconds:f}s") == pytest.approx(seconds, abs=1e-6)


@settings(deadline=None)
@given(hours=st.integers(0, 1000), minutes=st.integers(0, 1000), seconds=st.integers(0, 1000))
def test_parts_add_up(hours: int, minutes: int, seconds: int) -> None:
    total = HOUR * hours + 60 * minutes + seconds
    text = f"{hours}h{minutes}m{seconds}s"
    if total:
        assert parse_duration(text) == total
    else:
        with pytest.raises(ValueError, match="expected a time"):
            parse_duration(text)


@settings(deadline=None)
@given(st.floats(min_value=0.51, max_value=1e7))
def test_what_is_written_can_be_read(seconds: float) -> None:
    text = format_duration(seconds)
    again = parse_duration(text)
    if again < HOUR:
        assert abs(again - seconds) <= 0.5
        assert re.fullmatch(r"(\d+m )?\d+s", text)
    else:
        assert -0.5 <= seconds - again <= 60
        assert re.fullmatch(r"\d+h [0-5]\dm", text)
    # What has been rounded once stays.
    assert format_duration(again) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.4, "0s"), (45, "45s"), (59.6, "1m 00s"), (485, "8m 05s"), (3599.6, "1h 00m"), (93784, "26h 03m")],
)
def test_written_examples(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
