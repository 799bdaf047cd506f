"""What trackers follow in tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.runs import RunFolder, read_metrics


@pytest.fixture(scope="session")
def measurements() -> Callable[[Path], list[dict[str, float]]]:
    """Gives the lines of `metrics.jsonl` without times."""

    def read(path: Path) -> list[dict[str, float]]:
        rows = read_metrics(RunFolder(path))
        return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]

    return read
