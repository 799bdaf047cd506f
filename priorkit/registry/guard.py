"""Tells a plug-in's mistakes, where it is used, from its users' and from priorkit's own."""

import contextlib
from collections.abc import Iterator

from priorkit.errors import PluginError, is_out_of_memory
from priorkit.registry.blame import error_in_words, place_of, raised_by
from priorkit.registry.discovery import BUILTIN, is_strict
from priorkit.registry.registry import Registered

__all__ = ["guarded", "refusal_in_words"]


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
            "(PRIORKIT_STRICT_PLUGINS=1 shows how it came to it)"
        ) from error


def refusal_in_words(registered: Registered, error: ValueError) -> str:
    """The message of a ValueError of a component's plug-in, and where it comes from if the plug-in did not phrase it.

    What a third party's plug-in raises itself is meant for its user. What Python or a library raises beneath it (`math
    domain error`) says nothing without its place.
    """
    phrased = registered.distribution == BUILTIN or raised_by(error, registered.package)
    place = None if phrased else place_of(error, registered.package)
    return f"{error} (in its plug-in, {place})" if place else str(error)
