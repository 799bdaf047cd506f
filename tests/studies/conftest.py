"""A small study over recipes that are there, and what a user may ask of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priorkit.studies import ComparedSystem, Request, Study

_COMMON: dict[str, Any] = {
    "dataset": "tiny",
    "networks": "normed",
    "batch_size": 6,
    "device": "cpu",
    "precision": "float32",
    "sample_every": 100,
}


@pytest.fixture(scope="session")
def study() -> Study:
    """Two systems, of which one has a figure."""
    return Study(
        "small",
        "two systems",
        data=("cifar10",),
        measure="Inception Score",
        settings={"code_dim": 4},
        systems=(
            ComparedSystem("aae", "AAE", "aae", score=2.15),
            ComparedSystem("ab", "+ A + B", "learned", {"decoder_in_both_phases": False}, remark="more"),
        ),
        notes=("A note.",),
    )


@pytest.fixture
def make_request(study: Study, tmp_path: Path) -> Callable[..., Request]:
    """Makes a request of three steps, with changes of single settings and of what is common to all runs."""

    def make(common: dict[str, Any] | None = None, **changes: Any) -> Request:
        values = {"study": study, "out": tmp_path / "study", "limit": {"steps": 3}, "seeds": 1, "samples": 0, **changes}
        return Request(common={**_COMMON, **(common or {})}, **values)

    return make
