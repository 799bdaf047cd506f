"""Tells a plug-in's mistakes, where it is used, from its users' and from priorkit's own."""

import contextlib
from collections.abc import Iterator

from priorkit.errors import ConfigurationError, PluginError, PriorkitError, is_out_of_memory
from priorkit.registry.blame import error_in_words, place_of, raised_by
from priorkit.registry.discovery import BUILTIN, is_strict
from priorkit.registry.registry import Registered

__all__ = ["guarded", "refusal_in_words", "refusing"]


@contextlib.contextmanager
def guarded(registered: Registered, given: str) -> Iterator[None]:
    """Makes one line of what a component's plug-in raises inside, if that cannot be meant for its user.

    A ValueError is meant for the user, and goes through as it is; so do a lack of memory, Ctrl-C, what priorkit's own
    components raise, and everything if `PRIORKIT_STRICT_PLUGINS` is 1.

    Args:
        registered: The component.
        given: How it was chosen: `--prior laplace`.

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
    """As `guarded`; a ValueError, by which a plug-in refuses what its user asks for, becomes a refusal that names it.

    Args:
        registered: The component.
        given: How it was chosen: `--prior laplace`.
        refusal: What the ValueError becomes.

    Raises:
        PriorkitError: The plug-in refuses; its own kinds of PriorkitError go through as they are.
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
    """The message of a ValueError of a component's plug-in, and where it comes from if the plug-in did not phrase it.

    What a third party's plug-in raises itself is meant for its user. What Python or a library raises beneath it (`math
    domain error`) says nothing without its place.
    """
    phrased = registered.distribution == BUILTIN or raised_by(error, registered.package)
    place = None if phrased else place_of(error, registered.package)
    return f"{error} (in its plug-in, {place})" if place else str(error)
