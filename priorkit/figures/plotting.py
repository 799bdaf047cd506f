"""Checks for matplotlib, the optional library for plots."""

from priorkit.errors import MissingExtraError

__all__ = ["require_matplotlib"]


def require_matplotlib(what: str) -> None:
    """Checks that matplotlib is installed, before anything is computed for a plot.

    Args:
        what: The subject of the message "WHAT are drawn by matplotlib".

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"{what} are drawn by matplotlib ({error}); install it by pip install 'priorkit[figures]'"
        ) from None
