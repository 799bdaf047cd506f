"""The method `check` of regularizers and adversarial losses: it returns, or refuses with one line."""

from collections.abc import Callable

from priorkit.testing.check import Defect, require

__all__ = ["refusal"]


def refusal(check: Callable[[], None], what: str) -> str | None:
    """Calls `check`, and returns the reason of its refusal; None if it does not refuse.

    Args:
        check: Calls the component's `check`.
        what: The arguments of `check`, in words.

    Raises:
        Defect: `check` raises an error other than `ValueError`, or a `ValueError` whose message is not one line.
    """
    try:
        check()
    except ValueError as error:
        reason = str(error)
        require(
            bool(reason.strip()) and "\n" not in reason,
            f"check refuses {what} with the message {reason!r}, not with one line that says why",
            "the error has no message, or one of several lines",
            "say in one line what was given, what was expected and how to mend it",
        )
        return reason
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise Defect(
            f"check of {what} raises {text}",
            "`check` relies on something that not all of them have",
            "refuse with a ValueError that says what would work",
        ) from error
    return None
