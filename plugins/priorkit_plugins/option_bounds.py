"""Pairs of options that are the bounds of a range."""

__all__ = ["require_order"]


def require_order(what: str, low: float, high: float) -> None:
    """Checks that the option `min_WHAT` is below `max_WHAT`.

    Raises:
        ValueError: It is not.
    """
    if low >= high:
        raise ValueError(f"min_{what} is {low} and max_{what} is {high}: the minimum must be below the maximum")
