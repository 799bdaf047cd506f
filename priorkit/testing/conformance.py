"""Checks components against their interfaces' contracts."""

from torch.distributions import Distribution

from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest
from priorkit.testing.case import Case
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.check import Absent, Check, Defect, NotApplicable, Refused, Unbuildable
from priorkit.testing.global_generator import seeded
from priorkit.testing.report import Outcome, Report, Result

__all__ = ["check_component", "checks_of", "run_check"]


def checks_of(case: Case) -> tuple[Check, ...]:
    """Returns the checks of a case.

    Raises:
        ConfigurationError: `expected_failures` or `required` names a check that does not exist.
        UnknownComponentError: No installed plug-in supplies the component.
        ValidationError: The component has no such options, or refuses their values.
    """
    if case.component is not None:
        case.component.options(**case.options)
    checks = CATALOGUE[case.slot].checks
    names = [check.name for check in checks]
    for name in (*case.expected_failures, *case.required):
        if name not in names:
            raise ConfigurationError(
                f"{case.title}: there is no check {name!r}{nearest(name, names)} Known: {', '.join(names)}."
            )
    return checks


def run_check(case: Case, check: Check) -> Result:
    """Runs one check in all situations of a case, and returns its result."""
    checked = Distribution._validate_args
    # With a fixed seed, a component that draws from the global generator always fails in the same way.
    with seeded(case.seed):
        # torch.compile disables this for the whole process.
        Distribution.set_default_validate_args(True)
        try:
            return _run_check(case, check)
        finally:
            Distribution.set_default_validate_args(checked)


def _run_check(case: Case, check: Check) -> Result:
    skipped: list[NotApplicable] = []
    held: set[str] = set()
    for subject in CATALOGUE[case.slot].subjects(case):
        if check.once and held:
            break
        if check.costly and subject.variant in held:
            continue
        subject.first = not held
        try:
            check.hold(subject)
            held.add(subject.variant)
        except NotApplicable as reason:
            skipped.append(reason)
        except Defect as defect:
            if isinstance(defect, Unbuildable) and check.name != "builds":
                return Result(check.name, Outcome.SKIPPED, "it cannot be built: see the check `builds`")
            if check.name in case.expected_failures:
                return Result(check.name, Outcome.EXPECTED_FAILURE, case.expected_failures[check.name])
            return Result(check.name, Outcome.FAILED, defect.found, defect.cause, defect.fix, defect)
    # Refusals are reported only if there are no other reasons.
    telling = [reason for reason in skipped if not isinstance(reason, Refused)] or skipped
    why = "; ".join(dict.fromkeys(filter(None, map(str, telling))))
    absent = bool(skipped) and all(isinstance(reason, Absent) for reason in skipped)
    if check.name in case.expected_failures:
        found = "passes" if held else f"does not apply ({why})"
        return Result(
            check.name,
            Outcome.FAILED,
            f"it was expected to fail ({case.expected_failures[check.name]}), but {found}",
            fix=f"remove {check.name!r} from the expected failures",
        )
    if held:
        refused = "; ".join(str(reason) for reason in skipped if isinstance(reason, Refused))
        return Result(check.name, Outcome.PASSED, refused if check.name == "builds" else "")
    if (check.required and not absent) or check.name in case.required:
        return Result(
            check.name,
            Outcome.FAILED,
            f"the check is required, but does not apply: {why or 'there are no situations'}",
            "the component refuses all situations, or lacks what the check requires",
            "use situations in which it can be built: Situations(code_dims=..., classes=..., shapes=..., data_dir=...)",
        )
    return Result(check.name, Outcome.SKIPPED, why)


def check_component(case: Case) -> Report:
    """Holds a component to every check of its kind, and returns the report.

    Args:
        case: The component, its options, and the situations in which it is tried.

    Raises:
        ConfigurationError: `expected_failures` or `required` names a check that does not exist.
        UnknownComponentError: No installed plug-in supplies the component.
        ValidationError: The component has no such options, or refuses their values.

    Examples:
        >>> from priorkit.testing import Case, check_component
        >>> report = check_component(Case("phases", "code-matching"))
        >>> [result.check for result in report.passed][:2]
        ['builds', 'listing_imports_no_torch']
        >>> report.raise_if_failed()
    """
    return Report(case.title, tuple(run_check(case, check) for check in checks_of(case)))
