"""Distinguishes a plug-in's mistakes from those of its users and of priorkit."""

import contextlib
from collections.abc import Iterator

from priorkit.errors import ConfigurationError, PluginError, PriorkitError, is_out_of_memory
from priorkit.registry.blame import error_in_words, place_of, raised_by
from priorkit.registry.discovery import BUILTIN, is_strict
from priorkit.registry.registry import Registered

__all__ = ["guarded", "refusal_in_words", "refusing"]


@contextlib.contextmanager
def guarded(registered: Registered, given: str) -> Iterator[None]:
    """Turns errors of a component's plug-in into one line, unless they are meant for the user.

    A ValueError is meant for the user and passed on unchanged; so are a lack of memory, Ctrl-C, errors of priorkit's
    own components, and all errors if `PRIORKIT_STRICT_PLUGINS` is 1.

    Args:
        registered: The component.
        given: The flag that chose it: `--prior laplace`.

    Raises:
        PluginError: The plug-in has raised something else, or tried to end the program.
    """
    try:
        yield
    except (ValueError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if registered.distribution == BUILTIN or is_out_of_memory(error) or is_strict():
            raise
        place = place_of(error, registered.package)
        raise PluginError(
            f"{given}: its plug-in ({registered.distribution} {registered.version}) has failed: "
            f"{error_in_words(error)}{f' ({place})' if place else ''}; this is a mistake in the plug-in "
            "(PRIORKIT_STRICT_PLUGINS=1 shows the full traceback)"
        ) from error


@contextlib.contextmanager
def refusing(registered: Registered, given: str, refusal: type[PriorkitError] = ConfigurationError) -> Iterator[None]:
    """Like `guarded`, but a ValueError, by which a plug-in refuses input, becomes an error that names the plug-in.

    Args:
        registered: The component.
        given: The flag that chose it: `--prior laplace`.
        refusal: The error class that replaces the ValueError.

    Raises:
        PriorkitError: The plug-in refuses; its own kinds of PriorkitError are passed on unchanged.
        PluginError: The plug-in fails.
    """
    try:
        with guarded(registered, given):
            yield
    except PriorkitError:
        raise
    except ValueError as error:
        raise refusal(f"{given}: {refusal_in_words(registered, error)}") from error


def refusal_in_words(registered: Registered, error: ValueError) -> str:
    """The message of a ValueError of a plug-in, with its place if the plug-in did not raise it itself.

    Errors that a plug-in raises itself are meant for its user. Errors from Python or a library (`math domain error`)
    mean nothing without their place.
    """
    phrased = registered.distribution == BUILTIN or raised_by(error, registered.package)
    place = None if phrased else place_of(error, registered.package)
    return f"{error} (in its plug-in, {place})" if place else str(error)
