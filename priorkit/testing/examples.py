"""The examples of what varies that are tried within a check."""

from hypothesis import HealthCheck, Phase, Verbosity, settings

__all__ = ["few", "sizes_and_seeds"]


def sizes_and_seeds(number: int, first: int = 0) -> list[tuple[int, int]]:
    """So many batch sizes and seeds, the same ones every time; a batch of one sample comes first."""
    sizes, seeds = (1, 2, 7, 3, 5), (0, 1, 2**63 - 2, 2**32, 12345)
    return [(sizes[k % 5], (seeds[k % 5] + first + k // 5) % 2**63) for k in range(number)]


def few(number: int) -> settings:
    """Settings of hypothesis for so many examples, the same ones every time, whatever profile the user has loaded."""
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        verbosity=Verbosity.normal,
        report_multiple_bugs=False,
        print_blob=False,
    )
