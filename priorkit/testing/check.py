"""A check: one thing that a component's contract asks for, held against a component."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from priorkit.registry.blame import error_in_words, place_of
from priorkit.testing.case import Case

__all__ = ["Absent", "Check", "Defect", "NotApplicable", "Refused", "Tried", "require"]


class Defect(AssertionError):  # noqa: N818 - what a component has, not what went wrong here
    """A component breaks its contract.

    Args:
        found: What was found, with numbers.
        cause: The likely cause; the check's own if it is empty.
        fix: How to mend it; the check's own if it is empty.
    """

    def __init__(self, found: str, cause: str = "", fix: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.cause = cause
        self.fix = fix


class Unbuildable(Defect):
    """It cannot be built at all, so that nothing else of it can be checked."""


class NotApplicable(Exception):  # noqa: N818 - no error
    """There is nothing to check: the component does not do such a thing, as the reason says.

    Without a reason, it is another part of the component that is to be looked at.
    """


class Absent(NotApplicable):
    """The plug-in builds nothing, as its kind allows: there is no condition, no encoder."""


class Refused(NotApplicable):
    """The component does not want to be built in this situation, and says so."""


class Tried(Protocol):
    """A component in one situation, as far as a check looks at it: a `Subject`.

    Attributes:
        case: The component.
        situation: The situation in words.
    """

    case: Case
    situation: str


@dataclass(frozen=True)
class Check:
    """One thing that a contract asks for.

    Attributes:
        name: What it is called in reports and in the ids of tests.
        function: Called with a component in one situation; raises `Defect` where the contract is broken, and
            `NotApplicable` where it says nothing. Any other error is the component's own, and a failure.
        cause: The likely cause of a failure.
        fix: How to mend it.
        required: Whether there is always something to check, so that skipping it is a failure.
        explains_errors: Whether its cause is also that of errors which come up in the component meanwhile.
        costly: Whether it takes so long that one situation of each variant has to do.
        once: Whether what it looks at is the same in all situations, so that one has to do.
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
        """What it holds, in a line."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def hold(self, subject: Tried) -> None:
        """Holds it against a component in one situation.

        Raises:
            Defect: The contract is broken.
            NotApplicable: There is nothing to check.
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
            # Its own words say more than what a check would guess.
            place = place_of(error, subject.case.package)
            where = f" in {place}" if place else ""
            found = error_in_words(error) + where + _circumstances(subject, error)
            raise Defect(found, *((self.cause, self.fix) if self.explains_errors else ())) from error


def _circumstances(subject: Tried, error: Exception) -> str:
    """The situation in which an error came up, and what hypothesis and the checks noted about it."""
    notes = [" ".join(note.split()) for note in getattr(error, "__notes__", ())]
    return f" (with {'; '.join([subject.situation, *notes])})"


def require(holds: bool, found: str, cause: str = "", fix: str = "") -> None:
    """Raises `Defect` unless something holds."""
    if not holds:
        raise Defect(found, cause, fix)
