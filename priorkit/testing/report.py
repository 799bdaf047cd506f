"""The results of the conformance kit for a component."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

__all__ = ["ConformanceError", "Outcome", "Report", "Result"]


class Outcome(Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    EXPECTED_FAILURE = "expected failure"
    SKIPPED = "skipped"


class ConformanceError(AssertionError):
    """A component breaks its interface's contract; the message lists all failed checks."""


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    Attributes:
        check: The check's name.
        outcome: How it ended.
        reason: What was found, why the check was skipped, or why its failure was expected; empty if it passed.
        cause: The likely cause of a failure.
        fix: How to mend a failure.
        error: The error behind a failure, with its traceback; otherwise None.

    Examples:
        >>> from priorkit.testing import Outcome, Result
        >>> print(Result("densities_normalise", Outcome.SKIPPED, "it has no density"))
        densities_normalise: skipped: it has no density
    """

    check: str
    outcome: Outcome
    reason: str = ""
    cause: str = ""
    fix: str = ""
    error: BaseException | None = None

    def __str__(self) -> str:
        lines = [f"{self.check}: {self.outcome.value}" + (f": {self.reason}" if self.reason else "")]
        if self.outcome is Outcome.FAILED:
            lines += [f"    likely cause: {self.cause}"] * bool(self.cause) + [f"    fix: {self.fix}"] * bool(self.fix)
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """The results of all checks of a component.

    Attributes:
        subject: The component: its kind, name and options.
        results: One result for each check, in the order in which they ran.

    Examples:
        >>> from priorkit.testing import Outcome, Report, Result
        >>> report = Report("prior 'laplace'", (Result("builds", Outcome.PASSED),))
        >>> report.raise_if_failed()
        >>> print(report)
        prior 'laplace': 1 passed
          builds: passed
    """

    subject: str
    results: tuple[Result, ...]

    def _with(self, outcome: Outcome) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.outcome is outcome)

    @property
    def passed(self) -> tuple[Result, ...]:
        """The checks that the component passes."""
        return self._with(Outcome.PASSED)

    @property
    def failed(self) -> tuple[Result, ...]:
        """The checks that the component fails, including required checks that did not apply."""
        return self._with(Outcome.FAILED)

    @property
    def expected_failures(self) -> tuple[Result, ...]:
        """The checks that the component was expected to fail, and failed; `reason` is the expected reason."""
        return self._with(Outcome.EXPECTED_FAILURE)

    @property
    def skipped(self) -> tuple[Result, ...]:
        """The checks that do not apply, such as those of densities for a prior without one."""
        return self._with(Outcome.SKIPPED)

    def raise_if_failed(self) -> None:
        """Raises an error that lists all failures, with likely causes and how to mend them, if there are any.

        Raises:
            ConformanceError: The component fails a check.
        """
        if not self.failed:
            return
        first = next((result.error for result in self.failed if result.error is not None), None)
        raise ConformanceError(
            f"{self.subject} fails {len(self.failed)} of {len(self.results)} checks:\n{_listed(_merged(self.failed))}"
        ) from first

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self._with(outcome))} {outcome.value}" for outcome in Outcome if self._with(outcome))
        return f"{self.subject}: {counts}\n{_listed(self.results)}"


def _listed(results: Iterable[Result]) -> str:
    return "\n".join(f"  {line}" for result in results for line in str(result).splitlines())


def _merged(results: Iterable[Result]) -> list[Result]:
    """Merges failures of several checks with the same reason, cause and fix."""
    merged: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        merged.setdefault((result.reason, result.cause, result.fix), []).append(result)
    return [Result(", ".join(result.check for result in same), Outcome.FAILED, *key) for key, same in merged.items()]
