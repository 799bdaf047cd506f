"""Spans of time as people write them: `90s`, `8m`, `1h30m`."""

import math
import re

__all__ = ["format_duration", "parse_duration"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"\d+(?:\.\d+)?"
# A bare number is seconds. After another unit a bare number is refused as ambiguous: `1h30` might mean minutes or
# seconds.
_SECONDS = re.compile(rf"(?P<s>{_NUMBER})", re.ASCII)
_PARTS = re.compile(rf"(?:(?P<h>{_NUMBER})h)?\s*(?:(?P<m>{_NUMBER})m)?\s*(?:(?P<s>{_NUMBER})s)?", re.ASCII)


def parse_duration(value: object) -> float:
    """Reads a duration.

    Args:
        value: Seconds as a number, or text such as `90`, `90s`, `8m`, `1.5h`, `1h30m`, `8m 05s`.

    Returns:
        Seconds, above 0.

    Raises:
        ValueError: The value is not a duration.

    Examples:
        >>> from priorkit.config import parse_duration
        >>> parse_duration("1h30m"), parse_duration("8m 05s"), parse_duration(90)
        (5400.0, 485.0, 90.0)
    """
    seconds = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            seconds = float(value)
        except OverflowError:
            seconds = math.inf
    elif isinstance(value, str):
        text = value.strip().lower()
        match = _SECONDS.fullmatch(text) or _PARTS.fullmatch(text)
        parts = {unit: number for unit, number in match.groupdict().items() if number} if match else {}
        if parts:
            seconds = sum(float(number) * _UNITS[unit] for unit, number in parts.items())
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError("expected a time such as 90s, 8m or 1h30m")
    return seconds


def format_duration(seconds: float) -> str:
    """Writes a duration, as `45s`, `8m 05s` or `1h 30m`: rounded to seconds; from an hour on, only whole minutes.

    Examples:
        >>> from priorkit.config import format_duration
        >>> format_duration(45.2), format_duration(485), format_duration(5400)
        ('45s', '8m 05s', '1h 30m')
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
