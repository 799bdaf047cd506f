"""The description of a fitted prior in one line, and as HTML for notebooks."""

import html
from collections.abc import Callable

from torch import Tensor

from priorkit.codes.records import PriorRecord
from priorkit.errors import PriorkitError

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


def prior_as_html(words: str, sample: Callable[[], Tensor]) -> str:
    """A prior with the first two dimensions of some samples, as self-contained HTML.

    Args:
        words: The description in one line.
        sample: Draws the samples, (N, D); with fewer than two dimensions, there is no picture.
    """
    try:
        codes = sample().flatten(1)[:, :2].double()
    except PriorkitError as error:
        return _framed(words, html.escape(str(error)))
    if codes.shape[1] < 2:
        return _framed(words, "")
    low, high = codes.amin(0), codes.amax(0)
    places = ((codes - low) / (high - low).clamp(min=1e-12) * (_SIDE - 4) + 2).tolist()
    dots = "".join(f'<circle cx="{x:.1f}" cy="{_SIDE - y:.1f}" r="1.5"/>' for x, y in places)
    drawing = f'<svg width="{_SIDE}" height="{_SIDE}" role="img" aria-label="samples" fill="steelblue">{dots}</svg>'
    return _framed(words, f"{drawing}<div>{len(codes)} samples, their first two dimensions</div>")


def _framed(words: str, below: str) -> str:
    return f'<div style="font-family: sans-serif; font-size: 0.9em"><div>{html.escape(words)}</div>{below}</div>'
