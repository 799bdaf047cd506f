"""A check: one requirement of a component's contract."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from priorkit.registry.blame import error_in_words, place_of
from priorkit.testing.case import Case

__all__ = ["Absent", "Check", "Defect", "NotApplicable", "Refused", "Tried", "require"]


class Defect(AssertionError):  # noqa: N818 - it describes the component, not an error of the kit
    """A component breaks its contract.

    Args:
        found: What was found, with numbers.
        cause: The likely cause; if empty, that of the check.
        fix: How to mend it; if empty, the fix of the check.
    """

    def __init__(self, found: str, cause: str = "", fix: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.cause = cause
        self.fix = fix


class Unbuildable(Defect):
    """The component cannot be built, so nothing else can be checked."""


class NotApplicable(Exception):  # noqa: N818 - not an error
    """The check does not apply to the component, for the reason in the message.

    Without a message, the check applies to another part of the component.
    """


class Absent(NotApplicable):
    """The component is None, as its kind allows: there is no condition or no encoder."""


class Refused(NotApplicable):
    """The component refuses to be built in this situation, with a reason."""


class Tried(Protocol):
    """A component in one situation, as a check needs it: a `Subject`.

    Attributes:
        case: The component with its options.
        situation: The situation, in words.
    """

    case: Case
    situation: str


@dataclass(frozen=True)
class Check:
    """One requirement of a contract.

    Attributes:
        name: Its name in reports and in the ids of tests.
        function: Called with a component in one situation. It raises `Defect` if the contract is broken, and
            `NotApplicable` if the contract says nothing here. Any other error is the component's, and a failure.
        cause: The likely cause of a failure.
        fix: How to mend a failure.
        required: Whether the check always applies, so that skipping it is a failure.
        explains_errors: Whether `cause` and `fix` also explain errors that the component raises during the check.
        costly: Whether the check takes so long that it runs in one situation of each variant only.
        once: Whether the check gives the same result in all situations, so that it runs in one only.
    """

    name: str
    function: Callable[[Any], None]
    cause: str
    fix: str
    required: bool = True
    explains_errors: bool = False
    costly: bool = False
    once: bool = False

    @property
    def summary(self) -> str:
        """The requirement, in one line."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def hold(self, subject: Tried) -> None:
        """Checks a component in one situation.

        Raises:
            Defect: The contract is broken.
            NotApplicable: The check does not apply.
        """
        try:
            self.function(subject)
        except Unbuildable as defect:
            found = defect.found + _circumstances(subject, defect)
            raise Unbuildable(found, defect.cause, defect.fix) from defect
        except Defect as defect:
            found = defect.found + _circumstances(subject, defect)
            raise Defect(found, defect.cause or self.cause, defect.fix or self.fix) from defect
        except NotApplicable:
            raise
        except Exception as error:
            # The error's own message says more than the check's guess.
            place = place_of(error, subject.case.package)
            where = f" in {place}" if place else ""
            found = error_in_words(error) + where + _circumstances(subject, error)
            raise Defect(found, *((self.cause, self.fix) if self.explains_errors else ())) from error


def _circumstances(subject: Tried, error: Exception) -> str:
    """Returns the situation of an error, with the notes of hypothesis and of checks, in parentheses."""
    notes = [" ".join(note.split()) for note in getattr(error, "__notes__", ())]
    return f" (with {'; '.join([subject.situation, *notes])})"


def require(holds: bool, found: str, cause: str = "", fix: str = "") -> None:
    """Raises `Defect` unless `holds` is True."""
    if not holds:
        raise Defect(found, cause, fix)
