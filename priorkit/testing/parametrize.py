"""Pytest tests, one for each component and check."""

import traceback
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from priorkit.testing.case import Case
from priorkit.testing.check import Check, Defect
from priorkit.testing.conformance import checks_of, run_check
from priorkit.testing.report import Outcome

__all__ = ["parametrize_with_checks"]


class _BoundCheck:
    """A check of a case, which a test calls."""

    def __init__(self, case: Case, check: Check) -> None:
        self.case = case
        self.check = check

    def __call__(self) -> None:
        """Runs the check, and skips or fails the calling test accordingly."""
        result = run_check(self.case, self.check)
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.reason)
        if result.outcome is Outcome.EXPECTED_FAILURE:
            pytest.xfail(result.reason)
        if result.outcome is Outcome.FAILED:
            # The traceback of the check itself does not help; that of an error in the component does.
            pytest.fail(f"{self.case.title} fails {result}{_raised(result.error)}", pytrace=False)

    def __repr__(self) -> str:
        return f"{self.case}-{self.check.name}"


def _raised(error: BaseException | None) -> str:
    """Returns the traceback of an error that the component raised; empty if the check found a defect."""
    while isinstance(error, Defect):
        error = error.__cause__
    return "" if error is None else "\n\n" + "".join(traceback.format_exception(error))


def parametrize_with_checks(cases: Sequence[Case]) -> Callable[[Any], Any]:
    """Decorates a test so that it runs once for each case and each check of the case's kind.

    The test takes one argument, `check`, and calls it. Checks that do not apply to a component are skipped, and
    expected failures are xfailed.

    Args:
        cases: The components with their options.

    Raises:
        ConfigurationError: A case names a check that does not exist.
        UnknownComponentError: No installed plug-in supplies a component.
        ValidationError: A component has no such options, or refuses their values.

    Examples:
        >>> from priorkit.testing import Case, parametrize_with_checks
        >>> @parametrize_with_checks([Case("prior", "laplace"), Case("prior", "laplace", {"scale": 0.5})])
        ... def test_conforms(check):
        ...     check()
        >>> test_conforms.pytestmark[0].args[1][:2]
        [laplace-builds, laplace-seed_decides_its_weights]
    """
    bound = [_BoundCheck(case, check) for case in cases for check in checks_of(case)]
    return pytest.mark.parametrize("check", bound, ids=repr)
