"""Spans of time as people write them: `90s`, `8m`, `1h30m`."""

import math
import re

__all__ = ["format_duration", "parse_duration"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PATTERN = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")


def parse_duration(value: object) -> float:
    """Reads a duration.

    Args:
        value: Seconds as a number, or text such as `90`, `90s`, `8m`, `1.5h`, `1h30m`.

    Returns:
        Seconds, above 0.

    Raises:
        ValueError: The value is no duration.
    """
    seconds = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        match = _PATTERN.fullmatch(value.strip().lower())
        if match and any(match.groupdict().values()):
            seconds = sum(float(match[unit]) * size for unit, size in _UNITS.items() if match[unit])
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError("expected a time such as 90s, 8m or 1h30m")
    return seconds


def format_duration(seconds: float) -> str:
    """Writes a duration rounded to seconds, as `8m 05s`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
