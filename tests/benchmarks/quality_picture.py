"""The picture of the benchmark `quality`: distance and score of samples over training time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["draw_curves"]


def draw_curves(
    path: Path, title: str, curves: Mapping[str, Sequence[Mapping[str, float]]], real: Mapping[str, float]
) -> None:
    """Draws one curve for each system, and lines for real images, on logarithmic axes; pythae's curves are dashed.

    Args:
        path: File of the picture.
        title: Title of the picture.
        curves: Points of each system, with `seconds`, `distance` and `score`.
        real: `distance` and `score` of training images.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    # Dark colours first, then light ones, as there may be more than ten systems.
    colours = [colormaps["tab20"](number) for number in (*range(0, 20, 2), *range(1, 20, 2))]
    panels: Any = figure.subplots(1, 2)
    names = ("distance", "score")
    labels = ("Fréchet distance to held-out images (lower is better)", "classifier score (higher is better)")
    for panel, name, label in zip(panels, names, labels, strict=True):
        panel.axhline(real[name], color="black", linewidth=0.8, linestyle=":", label="real training images")
        for number, (system, points) in enumerate(curves.items()):
            seconds, values = [point["seconds"] for point in points], [point[name] for point in points]
            style = "--" if system.startswith("pythae-") else "-"
            colour = colours[number % len(colours)]
            panel.plot(seconds, values, style, marker="o", markersize=3, color=colour, label=system)
        panel.set(xscale="log", yscale="log", xlabel="training time in seconds", ylabel=label)
        panel.grid(visible=True, which="both", alpha=0.2)
    panels[0].legend(fontsize="small")
    figure.savefig(path, dpi=120)
