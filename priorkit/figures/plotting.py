"""The optional library that plots are drawn with."""

from priorkit.errors import MissingExtraError

__all__ = ["require_matplotlib"]


def require_matplotlib(what: str) -> None:
    """Makes sure that something can be plotted, before anything is computed for it.

    Args:
        what: What is to be plotted, as in "WHAT are drawn by matplotlib".

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"{what} are drawn by matplotlib ({error}); install it by pip install 'priorkit[figures]'"
        ) from None
