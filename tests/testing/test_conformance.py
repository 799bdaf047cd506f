"""How the kit runs checks, and what its reports say."""

import inspect
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

import priorkit.testing
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.interfaces import Prior
from priorkit.plugins import KINDS, Component, Options, PriorContext
from priorkit.testing import (
    Case,
    ConformanceError,
    Outcome,
    Report,
    Result,
    Situations,
    check_component,
    check_networks,
    check_prior,
    parametrize_with_checks,
)
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.check import Check, Defect, NotApplicable, Refused, require
from priorkit.testing.conformance import checks_of, run_check

ONE = Situations(code_dims=(2,), classes=(0,), examples=2)


class Plain(Prior):
    """Standard normal codes."""

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        if context.code_dim == 5:
            raise ValueError("five dimensions\nare too many")
        self.code_dim = context.code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return 1 * noise


class Biased(Plain):
    """A prior whose forward and log_prob are wrong in two ways."""

    has_density = True

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise + torch.rand(1)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return -code.square() / 2


def outcome_of(name: str, case: Case) -> Result:
    (check,) = [check for check in checks_of(case) if check.name == name]
    return run_check(case, check)


def test_every_kind_has_its_checks() -> None:
    assert set(CATALOGUE) == {kind.slot for kind in KINDS}
    for contract in CATALOGUE.values():
        names = [check.name for check in contract.checks]
        assert len(set(names)) == len(names)
        for check in contract.checks:
            assert check.cause, check.name
            assert check.fix, check.name
            assert check.summary.endswith("."), check.name
        assert any(check.required for check in contract.checks)


def test_every_kind_has_its_function() -> None:
    functions = [name for name in priorkit.testing.__all__ if name.startswith("check_") and name != "check_component"]
    assert len(functions) == len(KINDS)
    for name in functions:
        function = getattr(priorkit.testing, name)
        assert function.__name__ == name
        documented = inspect.getdoc(function)
        assert documented is not None
        assert "priorkit.interfaces." in documented
        assert "expected_failures" in documented


def test_a_report_has_every_check_in_order() -> None:
    report = check_prior(Plain, situations=ONE)
    assert [result.check for result in report.results] == [check.name for check in CATALOGUE["prior"].checks]
    assert {*report.passed, *report.failed, *report.skipped, *report.expected_failures} == set(report.results)
    assert report.failed == report.expected_failures == ()
    report.raise_if_failed()
    first, *lines = str(report).splitlines()
    assert first == f"prior 'Plain': {len(report.passed)} passed, {len(report.skipped)} skipped"
    assert lines[0] == "  builds: passed"
    assert "  densities_normalise: skipped: it has no density" in lines


def test_all_failures_are_listed_with_cause_and_fix() -> None:
    report = check_prior(Biased, situations=ONE)
    with pytest.raises(ConformanceError) as raised:
        report.raise_if_failed()
    text = str(raised.value)
    assert text.startswith(f"prior 'Biased' fails {len(report.failed)} of {len(report.results)} checks:\n")
    assert all(result.check in text for result in report.failed)
    for words in (
        "log_prob has shape (1, 2) for 1 samples, not (1,) (with code_dim 2",
        "likely cause: the log-density is not summed over the dimensions of a code",
        "fix: sum over the last dimension",
        "forward draws from the global generator of torch",
    ):
        assert words in text
    assert isinstance(raised.value.__cause__, Defect)


def test_failures_with_one_reason_are_said_once() -> None:
    case = Case("prior", Plain, situations=Situations(code_dims=(5,), classes=(0,), codes=()))
    report = check_component(case)
    with pytest.raises(ConformanceError) as raised:
        report.raise_if_failed()
    assert str(raised.value).count("it refuses code_dim 5: five dimensions are too many") == 1
    assert "builds, seed_decides_its_weights, shapes_and_dtypes" in str(raised.value)


def test_a_refused_situation_is_no_failure() -> None:
    check_prior(Plain, situations=Situations(code_dims=(5, 2), classes=(0,), examples=2)).raise_if_failed()


def test_a_required_check_that_is_skipped_fails() -> None:
    result = outcome_of("builds", Case("prior", Plain, situations=Situations(code_dims=(5,), codes=())))
    assert result.outcome is Outcome.FAILED
    assert "it refuses code_dim 5: five dimensions are too many" in result.reason
    skipped = outcome_of("densities_normalise", Case("prior", Plain, situations=ONE))
    assert skipped.outcome is Outcome.SKIPPED
    assert skipped.reason == "it has no density"
    both = Case("prior", Plain, situations=Situations(code_dims=(5, 2), classes=(0,)))
    assert outcome_of("densities_normalise", both).reason == "it has no density"
    needed = outcome_of("densities_normalise", Case("prior", Plain, required=("densities_normalise",), situations=ONE))
    assert needed.outcome is Outcome.FAILED
    assert (
        outcome_of("builds", Case("prior", Plain, situations=Situations(code_dims=(), codes=()))).outcome
        is Outcome.FAILED
    )


def test_expected_failures() -> None:
    why = {"shapes_and_dtypes": "sums nothing on purpose", "builds": "is said to fail"}
    report = check_prior(Biased, expected_failures=why, situations=ONE)
    (expected,) = report.expected_failures
    assert (expected.check, expected.reason) == ("shapes_and_dtypes", "sums nothing on purpose")
    (unexpected,) = [result for result in report.failed if result.check == "builds"]
    assert unexpected.reason == "it was expected to fail (is said to fail), but passes"
    assert unexpected.fix == "remove 'builds' from the expected failures"


def test_a_skipped_check_is_no_expected_failure() -> None:
    case = Case("prior", Plain, expected_failures={"densities_normalise": "is flat"}, situations=ONE)
    result = outcome_of("densities_normalise", case)
    assert result.outcome is Outcome.FAILED
    assert "but does not apply (it has no density)" in result.reason


@pytest.mark.parametrize("given", [{"expected_failures": {"shapes": "no"}}, {"required": ("shapes",)}])
def test_unknown_checks_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"no check 'shapes'.*Known: builds, seed_decides_its_weights"):
        check_prior(Plain, **given)


def test_unknown_components_are_refused() -> None:
    with pytest.raises(UnknownComponentError, match="did you mean 'gaussian'"):
        check_prior("gausian")
    with pytest.raises(ValidationError, match="deviation"):
        check_prior("gaussian", options={"deviation": 1.0})
    with pytest.raises(ConfigurationError, match=r"no kind 'priors'; did you mean 'prior'\?"):
        Case("priors", "gaussian")
    with pytest.raises(ConfigurationError, match="given for a function"):
        Case("prior", Plain, {"scale": 1.0})


def test_a_case_is_named_after_what_it_checks() -> None:
    component = Component("plain", Options, lambda options, context: Plain(context), "a prior", "a test")
    assert str(Case("prior", "gaussian", {"mean": 1.0, "std": 0.5})) == "gaussian[mean=1.0,std=0.5]"
    assert str(Case("prior", Plain)) == "Plain"
    assert Case("prior", component).title == "prior 'plain'"
    assert Case("code_generator", "mlp").title == "code generator 'mlp'"


def test_an_error_of_the_component_is_a_failure_with_its_words() -> None:
    def broken(context: PriorContext) -> Prior:
        raise RuntimeError("no\nluck")

    result = outcome_of("builds", Case("prior", broken, situations=ONE))
    assert result.outcome is Outcome.FAILED
    assert re.fullmatch(r"RuntimeError: no luck in .*test_conformance\.py:\d+ \(with code_dim 2\)", result.reason)
    assert result.cause == ""
    assert isinstance(result.error, Defect)
    assert isinstance(result.error.__cause__, Defect)
    assert isinstance(result.error.__cause__.__cause__, RuntimeError)


def test_a_defects_own_words_win() -> None:
    check = Check("named", lambda subject: require(False, "found", "its cause", ""), "usual cause", "usual fix")
    subject = next(CATALOGUE["prior"].subjects(Case("prior", Plain)))
    with pytest.raises(Defect) as raised:
        check.hold(subject)
    assert (raised.value.found, raised.value.cause, raised.value.fix) == (
        "found (with code_dim 2)",
        "its cause",
        "usual fix",
    )
    require(True, "nothing")
    assert issubclass(Refused, NotApplicable)


def test_one_test_for_each_component_and_check() -> None:
    cases = [
        Case("prior", Biased, expected_failures={"shapes_and_dtypes": "on purpose"}, situations=ONE),
        Case("prior", Plain, situations=ONE),
    ]

    @parametrize_with_checks(cases)
    def decorated(check: Any) -> None:
        check()

    (mark,) = decorated.pytestmark
    checks = {mark.kwargs["ids"](check): check for check in mark.args[1]}
    assert len(checks) == len(mark.args[1]) == 2 * len(CATALOGUE["prior"].checks)
    checks["Plain-builds"]()
    with pytest.raises(pytest.fail.Exception, match=r"(?s)prior 'Biased' fails repeatable: failed: .*cause: .*fix: "):
        checks["Biased-repeatable"]()
    with pytest.raises(pytest.skip.Exception, match="it has no density"):
        checks["Plain-densities_normalise"]()
    with pytest.raises(pytest.xfail.Exception, match="on purpose"):
        checks["Biased-shapes_and_dtypes"]()


def test_the_same_seed_gives_the_same_report() -> None:
    assert str(check_prior(Biased, seed=3, situations=ONE)) == str(check_prior(Biased, seed=3, situations=ONE))


def test_checking_leaves_the_global_generators_alone() -> None:
    before = torch.get_rng_state()
    check_prior("learned", situations=ONE)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_the_same_elsewhere_is_looked_at_once() -> None:
    seen: list[tuple[str, bool]] = []

    def look(subject: Any) -> None:
        seen.append((subject.situation, subject.first))
        if subject.situation == "code_dim 1":
            raise NotApplicable("not here")

    case = Case("prior", "gaussian", situations=Situations(code_dims=(1, 2, 5), classes=(0, 3)))
    run_check(case, Check("looks", look, "", ""))
    assert [first for _, first in seen[:3]] == [True, True, False]
    assert len(seen) > 6
    seen.clear()
    run_check(case, Check("looks", look, "", "", costly=True))
    assert [situation for situation, _ in seen if "condition" not in situation] == [
        "code_dim 1",
        "code_dim 2",
        "code_dim 1 and 3 classes",
    ]
    seen.clear()
    run_check(case, Check("looks", look, "", "", once=True))
    assert seen == [("code_dim 1", True), ("code_dim 2", True)]


def test_an_empty_report() -> None:
    Report("nothing", ()).raise_if_failed()


def test_no_check_changes_what_another_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    # torch.compile disables the argument checks of torch.distributions for the whole process.
    monkeypatch.setattr(Distribution, "_validate_args", True)

    def checking(context: PriorContext) -> Prior:
        class Checking(Plain):
            has_density = True

            def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
                return Normal(torch.zeros_like(code), 1.0).log_prob(code).sum(1)

        return Checking(context)

    case = Case("prior", checking, situations=ONE)
    before = outcome_of("values_are_not_read", case)
    outcome_of("compiled_agrees", Case("prior", "gaussian", situations=ONE))
    assert outcome_of("values_are_not_read", case).outcome is before.outcome is Outcome.FAILED
    assert Distribution._validate_args


@settings(deadline=None, max_examples=2)
@given(std=st.floats(0.5, 2))
def test_a_component_is_checked_within_a_test_of_hypothesis(std: float) -> None:
    report = check_prior("gaussian", options={"std": std}, situations=ONE)
    report.raise_if_failed()
    (skipped,) = [result for result in report.skipped if result.check == "options_are_usable"]
    assert skipped.reason == "options cannot be drawn inside another hypothesis test"


def test_refused_situations_are_told() -> None:
    report = check_prior(Plain, situations=Situations(code_dims=(5, 2), classes=(0,)))
    assert report.passed[0].reason.startswith("it refuses code_dim 5: five dimensions are too many; ")
    assert "  builds: passed: it refuses code_dim 5" in str(report)


def test_what_cannot_be_built_fails_once() -> None:
    def broken(context: PriorContext) -> Prior:
        raise RuntimeError("no luck")

    report = check_prior(broken, situations=ONE)
    (failed,) = report.failed
    assert failed.check == "builds"
    assert {result.reason for result in report.skipped} >= {"it cannot be built: see the check `builds`"}
    assert not report.passed
    (itself,) = check_prior(lambda context: Plain, situations=ONE).failed
    assert "it builds the class Plain itself, not an instance of it" in itself.reason
    assert itself.fix == "return Plain(...)"


def test_networks_of_another_type_fail_once_with_cause_and_fix() -> None:
    report = check_networks(lambda context: nn.Linear(1, 1))
    (failed,) = report.failed
    assert failed.check == "builds"
    assert failed.reason.startswith("it builds a Linear, not Networks")
    assert failed.fix == "derive from priorkit.interfaces.Networks"


def test_an_error_of_the_component_is_shown_with_its_traceback() -> None:
    class Broken(Plain):
        def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
            raise RuntimeError("no luck")

    @parametrize_with_checks([Case("prior", Broken, situations=ONE), Case("prior", Biased, situations=ONE)])
    def decorated(check: Any) -> None:
        check()

    (mark,) = decorated.pytestmark
    checks = {mark.kwargs["ids"](check): check for check in mark.args[1]}
    with pytest.raises(pytest.fail.Exception, match=r"(?s)RuntimeError: no luck in .*Traceback .*in forward"):
        checks["Broken-repeatable"]()
    with pytest.raises(pytest.fail.Exception) as raised:
        checks["Biased-repeatable"]()
    assert "Traceback" not in str(raised.value)
