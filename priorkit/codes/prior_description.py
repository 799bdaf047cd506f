"""The description of a fitted prior in one line, and as HTML for notebooks."""

from collections.abc import Callable

from torch import Tensor

from priorkit.codes.records import PriorRecord
from priorkit.errors import PriorkitError
from priorkit.pages import Html

__all__ = ["prior_as_html", "prior_in_words"]

_SIDE = 160
"""Width and height of the drawing, in pixels."""


def prior_in_words(name: str, record: PriorRecord, steps: int, *, has_density: bool) -> str:
    """The description of a fitted prior in one line.

    Args:
        name: The prior's name.
        record: The record of the fit.
        steps: Steps of its training.
        has_density: Whether it has a density.
    """
    condition = record.condition
    parts = [
        f"{name} of {record.codes.count} codes, {record.codes.space}",
        *([f"{len(condition.classes)} classes"] if condition is not None and condition.classes else []),
        *(["with a density"] if has_density else []),
        f"{steps} step" if steps == 1 else f"{steps} steps",
    ]
    return f"<FittedPrior: {', '.join(parts)}>"


def prior_as_html(words: str, sample: Callable[[], Tensor]) -> Html:
    """A prior with the first two dimensions of some samples, as self-contained HTML.

    Args:
        words: The description in one line.
        sample: Draws the samples, (N, D); with fewer than two dimensions, there is no picture.
    """
    try:
        codes = sample().flatten(1)[:, :2].double()
    except PriorkitError as error:
        return _framed(words, str(error))
    if codes.shape[1] < 2:
        return _framed(words, "")
    low, high = codes.amin(0), codes.amax(0)
    places = ((codes - low) / (high - low).clamp(min=1e-12) * (_SIDE - 4) + 2).tolist()
    dots = Html("").join(Html('<circle cx="{:.1f}" cy="{:.1f}" r="1.5"/>').format(x, _SIDE - y) for x, y in places)
    drawing = Html(
        '<svg width="{0}" height="{0}" role="img" aria-label="samples" fill="steelblue">{1}</svg>'
        "<div>{2} samples, their first two dimensions</div>"
    )
    return _framed(words, drawing.format(_SIDE, dots, len(codes)))


def _framed(words: str, below: str) -> Html:
    return Html('<div style="font-family: sans-serif; font-size: 0.9em"><div>{}</div>{}</div>').format(words, below)
