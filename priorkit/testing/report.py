"""What the conformance kit found out about a component."""

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
    """A component breaks its interface's contract; the message lists every check that it fails."""


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    Attributes:
        check: The check's name.
        outcome: How it ended.
        reason: What was found, why it was skipped, or why its failure was expected; empty where it passed.
        cause: The likely cause of a failure.
        fix: How to mend it.
        error: What was raised, with its traceback; None where nothing was.

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
    """What a component does of what its interface asks for.

    Attributes:
        subject: What was looked at: its kind, name and options.
        results: One for each check, in the order in which they ran.

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
        """The checks that it passes."""
        return self._with(Outcome.PASSED)

    @property
    def failed(self) -> tuple[Result, ...]:
        """The checks that it fails; among them required ones that could not be carried out."""
        return self._with(Outcome.FAILED)

    @property
    def expected_failures(self) -> tuple[Result, ...]:
        """The checks that it fails as it was said to; `reason` is what was said."""
        return self._with(Outcome.EXPECTED_FAILURE)

    @property
    def skipped(self) -> tuple[Result, ...]:
        """The checks of something that it does not do, such as densities of a prior without one."""
        return self._with(Outcome.SKIPPED)

    def raise_if_failed(self) -> None:
        """Lists all failures, with their likely causes and how to mend them, if there are any.

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
    """Failures of several checks for one and the same reason, as one."""
    merged: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        merged.setdefault((result.reason, result.cause, result.fix), []).append(result)
    return [Result(", ".join(result.check for result in same), Outcome.FAILED, *key) for key, same in merged.items()]
