"""Parses JSON from untrusted files."""

import json
from typing import Any

__all__ = ["parse_json"]


def parse_json(text: str | bytes) -> Any:
    """Parses JSON.

    Raises:
        ValueError: The text is not JSON, or is nested too deeply.

    Examples:
        >>> from priorkit.config import parse_json
        >>> parse_json('{"steps": 500}')
        {'steps': 500}
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
