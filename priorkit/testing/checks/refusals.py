"""What the method `check` of regularizers and adversarial losses may do: nothing, or refuse in a line."""

from collections.abc import Callable

from priorkit.testing.check import Defect, require

__all__ = ["refusal"]


def refusal(check: Callable[[], None], what: str) -> str | None:
    """Why something is refused; None where it is not.

    Args:
        check: Calls `check`.
        what: What is shown to it, in words.

    Raises:
        Defect: It raises an error other than `ValueError`, or a `ValueError` that does not say why in one line.
    """
    try:
        check()
    except ValueError as error:
        reason = str(error)
        require(
            bool(reason.strip()) and "\n" not in reason,
            f"check refuses {what} with {reason!r}, not with one line that says why",
            "an error is raised without a message, or with one of several lines",
            "say what was given, what was expected and what would do, in one line",
        )
        return reason
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise Defect(
            f"check of {what} raises {text}",
            "`check` takes something for granted that not all have",
            "refuse by a ValueError that says what would do",
        ) from error
    return None
