"""Interactive pages about trained runs: one HTML file, whose networks run in the browser."""

from priorkit.exploring.exploration import Exploration, explore_run
from priorkit.exploring.page import LARGEST_PAGE, WrittenPage, explore

__all__ = ["LARGEST_PAGE", "Exploration", "WrittenPage", "explore", "explore_run"]
