"""Who is told of a training that Python code starts."""

from collections.abc import Callable, Mapping, Sequence

from priorkit.display import progress_for
from priorkit.errors import ConfigurationError
from priorkit.training import Observer, Session

__all__ = ["Listener", "observers_of"]

Listener = Observer | Callable[[Session, Mapping[str, float]], object]
"""Who is told of a training: an observer, or a function that is called with each measurement of the losses."""


class _Function(Observer):
    """Tells a function of the losses."""

    def __init__(self, function: Callable[[Session, Mapping[str, float]], object]) -> None:
        self.function = function

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        """Calls the function."""
        self.function(session, losses)


def observers_of(listeners: Sequence[Listener], progress: bool | None = False) -> list[Observer]:
    """Observers of those who are to be told, and of the display if one is to be shown.

    Raises:
        ConfigurationError: Something among them is neither an observer nor a function.
    """
    for listener in listeners:
        if not (isinstance(listener, Observer) or (callable(listener) and not isinstance(listener, type))):
            hint = f"the class {listener.__name__} itself; call it" if isinstance(listener, type) else f"{listener!r}"
            raise ConfigurationError(
                f"observers: expected a priorkit.Observer, or a function of session and losses, not {hint}"
            )
    shown = progress_for(progress)
    told = [each if isinstance(each, Observer) else _Function(each) for each in listeners]
    return [*([shown] if shown is not None else []), *told]
