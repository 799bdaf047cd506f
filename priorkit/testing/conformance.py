"""Holds components to their interfaces' contracts."""

import re
from collections.abc import Mapping
from typing import Any, Protocol, TypedDict, Unpack

import torch
from torch.distributions import Distribution

from priorkit.errors import ConfigurationError
from priorkit.interfaces import (
    AdversarialLoss,
    CodeGenerator,
    Condition,
    DataSource,
    Encoder,
    FeatureExtractor,
    Networks,
    Phase,
    Prior,
    ReconstructionLoss,
    Regularizer,
    TextEncoder,
)
from priorkit.plugins import (
    AdversarialLossContext,
    CodeGeneratorContext,
    ConditionContext,
    DataContext,
    EncoderContext,
    ExtractorContext,
    LossContext,
    NetworksContext,
    PhaseContext,
    PriorContext,
    RegularizerContext,
    TextEncoderContext,
    nearest,
)
from priorkit.testing.case import Case, Checkable, Situations
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.check import Absent, Check, Defect, NotApplicable, Refused, Unbuildable
from priorkit.testing.report import Outcome, Report, Result

__all__ = [
    "How",
    "KindCheck",
    "check_adversarial_loss",
    "check_code_generator",
    "check_component",
    "check_condition",
    "check_data_source",
    "check_encoder",
    "check_feature_extractor",
    "check_networks",
    "check_phase",
    "check_prior",
    "check_reconstruction_loss",
    "check_regularizer",
    "check_text_encoder",
    "checks_of",
    "run_check",
]


def checks_of(case: Case) -> tuple[Check, ...]:
    """The checks that a case is held to.

    Raises:
        ConfigurationError: The case names a check that there is not.
        UnknownComponentError: No installed plug-in supplies the component.
        ValidationError: The component has no such options.
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
    """Holds one check against a component in all of a case's situations."""
    checked = Distribution._validate_args
    with torch.random.fork_rng(devices=[]):
        # A component that draws from the global generator fails in the same way each time.
        torch.manual_seed(case.seed)
        # torch.compile switches this off for the whole process.
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
                return Result(check.name, Outcome.SKIPPED, "it cannot be built, as the check builds says")
            if check.name in case.expected_failures:
                return Result(check.name, Outcome.EXPECTED_FAILURE, case.expected_failures[check.name])
            return Result(check.name, Outcome.FAILED, defect.found, defect.cause, defect.fix, defect)
    # Refusals say something only where there is nothing else to say.
    telling = [reason for reason in skipped if not isinstance(reason, Refused)] or skipped
    why = "; ".join(dict.fromkeys(filter(None, map(str, telling))))
    absent = bool(skipped) and all(isinstance(reason, Absent) for reason in skipped)
    if check.name in case.expected_failures:
        found = "passes" if held else f"has nothing to look at ({why})"
        return Result(
            check.name,
            Outcome.FAILED,
            f"it was expected to fail ({case.expected_failures[check.name]}), and {found}",
            fix=f"take {check.name!r} out of the expected failures",
        )
    if held:
        refused = "; ".join(str(reason) for reason in skipped if isinstance(reason, Refused))
        return Result(check.name, Outcome.PASSED, refused if check.name == "builds" else "")
    if (check.required and not absent) or check.name in case.required:
        return Result(
            check.name,
            Outcome.FAILED,
            f"a required check had nothing to look at: {why or 'there are no situations'}",
            "the component refuses all situations, or does not do what it is required to",
            "give it situations in which it can be built: Situations(code_dims=..., classes=..., shapes=..., "
            "data_dir=...)",
        )
    return Result(check.name, Outcome.SKIPPED, why)


def check_component(case: Case) -> Report:
    """Holds a component to every check of its kind.

    Args:
        case: The component, its options, and what it is tried with.

    Raises:
        ConfigurationError: The case names a check that there is not.
        UnknownComponentError: No installed plug-in supplies the component.
        ValidationError: The component has no such options.
    """
    return Report(case.title, tuple(run_check(case, check) for check in checks_of(case)))


class How(TypedDict, total=False):
    """How a component is checked.

    Attributes:
        options: Options of a named or given component; what is left out has its default.
        expected_failures: Checks that it is known to fail, and why.
        required: Checks that may not be skipped, beyond those that never may.
        situations: What it is tried with.
        seed: Seed of all that is random in the checks.
    """

    options: Mapping[str, Any]
    expected_failures: Mapping[str, str]
    required: tuple[str, ...]
    situations: Situations
    seed: int


class KindCheck(Protocol):
    """A function that holds components of one kind to their contract, as `check_component` does."""

    __name__: str

    def __call__(self, subject: Checkable, **how: Unpack[How]) -> Report:
        """Holds one to every check of its kind."""


def _kind_check(slot: str, what: str, interface: type, context: type) -> KindCheck:
    """The function `check_...` of a kind, which is called after its interface."""

    def check(subject: Checkable, **how: Unpack[How]) -> Report:
        return check_component(Case(slot, subject, **how))

    check.__name__ = check.__qualname__ = "check" + re.sub(
        "[A-Z]", lambda found: f"_{found[0].lower()}", interface.__name__
    )
    check.__doc__ = f"""Holds {what} to the contract of `priorkit.interfaces.{interface.__name__}`.

    Args:
        subject: The name of an installed one, a `Component`, or a function of a context (`{context.__name__}`) that
            builds one.
        **how: `options`, `expected_failures`, `required`, `situations` and `seed`, as of a `Case`.

    Raises:
        ConfigurationError: There is no check of a name that was given, or options were given for a function.
        UnknownComponentError: No installed plug-in supplies the component.
        ValidationError: The component has no such options.
    """
    return check


check_prior = _kind_check("prior", "a prior", Prior, PriorContext)
"""Holds a prior to the contract of `priorkit.interfaces.Prior`."""
check_code_generator = _kind_check("code_generator", "a code generator", CodeGenerator, CodeGeneratorContext)
"""Holds a code generator to the contract of `priorkit.interfaces.CodeGenerator`."""
check_condition = _kind_check("condition", "a condition", Condition, ConditionContext)
"""Holds a condition to the contract of `priorkit.interfaces.Condition`."""
check_text_encoder = _kind_check("text_encoder", "a text encoder", TextEncoder, TextEncoderContext)
"""Holds a text encoder to the contract of `priorkit.interfaces.TextEncoder`."""
check_phase = _kind_check("phases", "a phase", Phase, PhaseContext)
"""Holds a phase to the contract of `priorkit.interfaces.Phase`."""
check_encoder = _kind_check("encoder", "an encoder", Encoder, EncoderContext)
"""Holds an encoder to the contract of `priorkit.interfaces.Encoder`."""
check_regularizer = _kind_check("regularizer", "a regularizer", Regularizer, RegularizerContext)
"""Holds a regularizer to the contract of `priorkit.interfaces.Regularizer`."""
check_reconstruction_loss = _kind_check("loss", "a reconstruction loss", ReconstructionLoss, LossContext)
"""Holds a reconstruction loss to the contract of `priorkit.interfaces.ReconstructionLoss`."""
check_adversarial_loss = _kind_check("adversarial_loss", "an adversarial loss", AdversarialLoss, AdversarialLossContext)
"""Holds an adversarial loss to the contract of `priorkit.interfaces.AdversarialLoss`."""
check_networks = _kind_check("networks", "a family of networks", Networks, NetworksContext)
"""Holds a family of networks to the contract of `priorkit.interfaces.Networks`."""
check_data_source = _kind_check("dataset", "a data source", DataSource, DataContext)
"""Holds a data source to the contract of `priorkit.interfaces.DataSource`."""
check_feature_extractor = _kind_check("extractor", "a feature extractor", FeatureExtractor, ExtractorContext)
"""Holds a feature extractor to the contract of `priorkit.interfaces.FeatureExtractor`."""
