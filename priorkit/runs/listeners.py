"""Listeners of a training that Python code starts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from priorkit.display import Console
from priorkit.display.progress import Progress
from priorkit.display.progress_choice import progress_for
from priorkit.errors import ConfigurationError
from priorkit.training import Observer, Session

__all__ = ["Listener", "listening"]

Listener = Observer | Callable[[Session, Mapping[str, float]], object]
"""A listener: an observer, or a function that is called with each measurement of the losses."""


class _Function(Observer):
    """Calls a function with the losses."""

    def __init__(self, function: Callable[[Session, Mapping[str, float]], object]) -> None:
        self.function = function

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        """Calls the function with the session and the losses."""
        self.function(session, losses)


class _Notes(Observer):
    """Prints the notes about the images, which a progress bar does not show."""

    def started(self, session: Session) -> None:
        """Prints the notes."""
        console = Console()
        for note in session.data.notes:
            console.line(note)


@contextmanager
def listening(listeners: Sequence[Listener], progress: bool | None = False) -> Iterator[list[Observer]]:
    """Yields the observers for the listeners and the display, if any; closes the display afterwards.

    Raises:
        ConfigurationError: Something among them is neither an observer nor a function.
    """
    for listener in listeners:
        if not (isinstance(listener, Observer) or (callable(listener) and not isinstance(listener, type))):
            hint = f"the class {listener.__name__} itself; call it" if isinstance(listener, type) else f"{listener!r}"
            raise ConfigurationError(
                f"observers: expected a priorkit.Observer, or a function of session and losses, not {hint}"
            )
    told = [each if isinstance(each, Observer) else _Function(each) for each in listeners]
    display = progress_for(progress)
    if display is None:
        yield told
        return
    try:
        yield [*([_Notes()] if isinstance(display, Progress) else []), display, *told]
    finally:
        # An open bar would be redrawn by later output.
        display.close()
