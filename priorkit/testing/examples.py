"""How many examples hypothesis tries within a check, and which."""

from hypothesis import HealthCheck, settings

__all__ = ["few"]


def few(number: int) -> settings:
    """Settings for so many examples, the same ones every time, and the simplest one that fails."""
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
