"""Fixtures for the tests of built-in components and of planted defects."""

from collections.abc import Callable
from typing import Any

import pytest

from priorkit.registry import BUILTIN, installed_plugins
from priorkit.testing import Case, Outcome, Report, Situations
from priorkit.testing.conformance import checks_of, run_check

SLOW = "compiled_agrees"
"""A check that takes longer than all others together, and finds none of the defects planted in losses."""


@pytest.fixture
def built_in() -> Callable[[str], set[str]]:
    """Returns the names of priorkit's own components of a kind."""

    def names(slot: str) -> set[str]:
        found = installed_plugins().components(slot)
        return {item.component.name for item in found if item.distribution == BUILTIN}

    return names


@pytest.fixture
def report_on() -> Callable[[str, Callable[[Any], Any], Situations], Report]:
    """Reports on the component that a function builds: all checks except the slow one, without skipped results."""

    def report(slot: str, build: Callable[[Any], Any], situations: Situations) -> Report:
        case = Case(slot, build, situations=situations)
        results = [run_check(case, check) for check in checks_of(case) if check.name != SLOW]
        return Report(case.title, tuple(result for result in results if result.outcome is not Outcome.SKIPPED))

    return report
