"""Draws learning curves of several runs by matplotlib."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from priorkit.figures import require_matplotlib
from priorkit.runs import explained_os_errors
from priorkit.whole_files import whole_file

__all__ = ["save_curves"]

_COLUMNS = 3
_INCHES = (4.2, 2.8)
_LEGEND = 150
"""Approximate number of characters that fit into one line of the legend."""


def save_curves(runs: Mapping[str, Sequence[Mapping[str, float]]], path: Path) -> int:
    """Draws every measurement of several runs against the images seen into one PNG, held-out scores first.

    Args:
        runs: The rows of each run's `metrics.jsonl`, by the run's caption.
        path: The PNG file.

    Returns:
        Number of panels; if it is 0, no file is written.

    Raises:
        MissingExtraError: matplotlib is not installed.
        RunFolderError: The file cannot be written.
    """
    require_matplotlib("learning curves")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = {name for rows in runs.values() for row in rows for name in row} - {"step", "images", "seconds"}
    panels = sorted(names, key=lambda name: (name.startswith("loss/"), name))
    if not panels:
        return 0
    lines = math.ceil(len(panels) / _COLUMNS)
    # No pyplot: it would keep the figure, and may open a window.
    figure = Figure(figsize=(_INCHES[0] * _COLUMNS, _INCHES[1] * lines + 0.4), dpi=100, layout="constrained")
    axes = figure.subplots(lines, _COLUMNS, squeeze=False).flatten()
    handles = {}
    for panel, axis in zip(panels, axes, strict=False):
        for number, (caption, rows) in enumerate(runs.items()):
            points = [(row["images"], row[panel]) for row in rows if panel in row]
            if points:
                x, y = zip(*points, strict=True)
                (handles[caption],) = axis.plot(
                    x, y, color=f"C{number % 10}", linewidth=1.2, marker="." if len(x) < 20 else None
                )
        axis.set_title(panel.replace("held_out/", "held-out ").replace("_", " "), fontsize=10, parse_math=False)
        axis.set_xlabel("images seen", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    legend = figure.legend(
        # A leading underscore would hide a name from the legend, and dollar signs would be set as formulae.
        list(handles.values()),
        [f" {caption}" for caption in handles],
        loc="outside upper center",
        ncols=max(1, min(len(handles), _LEGEND // (max(map(len, handles)) + 8))),
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    with explained_os_errors("write", None), whole_file(path) as file:
        FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]
    return len(panels)
