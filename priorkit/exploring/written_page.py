"""A written page, and advice on its size."""

from dataclasses import dataclass
from pathlib import Path

from priorkit.exploring.exploration import Exploration

__all__ = ["LARGEST_PAGE", "WrittenPage"]

LARGEST_PAGE = 12_000_000
"""Size in bytes that a page should not exceed, so that it can be sent to others."""


@dataclass(frozen=True)
class WrittenPage:
    """A written page.

    Attributes:
        path: The file.
        size: Its size in bytes.
        explorations: The contents of the page, one exploration for each run.
    """

    path: Path
    size: int
    explorations: tuple[Exploration, ...]

    @property
    def advice(self) -> str:
        """Advice on making the page smaller; empty if it is small enough."""
        if self.size <= LARGEST_PAGE:
            return ""
        ways = [] if all(each.networks.half for each in self.explorations) else ["--weights float16"]
        ways += ["--codes 100"] + (["fewer runs"] if len(self.explorations) > 1 else []) + ["--weights none"]
        return f"the page has {self.size / 1e6:.1f} MB; to make it smaller: {', '.join(ways)}"
