"""The picture of a diagnosis."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from priorkit.diagnosis.model_diagnosis import Diagnosis
from priorkit.figures import draw_grid, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_diagnosis"]

_PRIOR, _CODES = "tab:orange", "tab:blue"
_DOTS = 2000
"""Maximal number of codes of each kind in the plane."""


def draw_diagnosis(diagnosis: Diagnosis) -> Image.Image:
    """Draws both distributions' moments and spectra, distances to the nearest code, codes in the plane, and images.

    Args:
        diagnosis: The diagnosis.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Examples:
        >>> import torch
        >>> from priorkit.diagnosis import diagnose_codes, draw_diagnosis
        >>> codes, prior_codes = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> draw_diagnosis(diagnose_codes(prior_codes, codes[:100], codes[100:])).size
        (1200, 840)
    """
    require_matplotlib("diagnoses")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with_images = diagnosis.farthest is not None and diagnosis.nearest is not None
    layout = [["moments", "spectrum"], ["distances", "plane"]] + with_images * [["images", "images"]]
    # No pyplot: it would keep the figure, and may open a window.
    figure = Figure(figsize=(12, 4.2 * len(layout)), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic(layout)  # type: ignore[arg-type]
    title = figure.suptitle("\n".join(textwrap.wrap(diagnosis.sentence, 110)), fontsize=12)
    title.set_parse_math(False)
    _moments(axes["moments"], diagnosis)
    _spectra(axes["spectrum"], diagnosis)
    _distances(axes["distances"], diagnosis)
    _plane(axes["plane"], diagnosis)
    if diagnosis.farthest is not None and diagnosis.nearest is not None:
        _images(axes["images"], diagnosis.farthest, diagnosis.nearest)
    canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]


def _moments(axes: "Axes", diagnosis: Diagnosis) -> None:
    found = diagnosis.comparison
    order = found.offset.abs().argsort(descending=True)
    places = np.arange(len(order))
    axes.axhspan(-1, 1, color=_CODES, alpha=0.15, linewidth=0, label="codes: mean ± deviation")
    axes.errorbar(
        places,
        found.offset[order].numpy(),
        yerr=found.ratio[order].numpy(),
        fmt="o",
        markersize=3,
        linewidth=1,
        color=_PRIOR,
        label="prior: mean ± deviation",
    )
    axes.set_title("each dimension, in deviations of the codes")
    axes.set_xlabel("dimension, by how far the means are apart")
    axes.legend(loc="upper right", fontsize=8)


def _spectra(axes: "Axes", diagnosis: Diagnosis) -> None:
    found = diagnosis.comparison
    for values, colour, name in ((found.spectrum, _CODES, "codes"), (found.prior_spectrum, _PRIOR, "prior")):
        floor = 1e-9 * float(values.max().clamp(min=1e-30))
        axes.plot(np.arange(1, len(values) + 1), values.clamp(min=floor).numpy(), ".-", color=colour, label=name)
    axes.set_yscale("log")
    axes.set_title("variance along the principal axes of each")
    axes.set_xlabel("axis")
    axes.legend(fontsize=8)


def _distances(axes: "Axes", diagnosis: Diagnosis) -> None:
    found = diagnosis.comparison
    both = torch.cat([found.distances, found.held_out_distances])
    # A few outliers would squeeze all other codes into one bar.
    first, last = float(both.min()), float(both.quantile(0.99))
    bins = np.linspace(first, last if last > first else first + 1, 60)
    for values, colour, name in (
        (found.held_out_distances, _CODES, "held-out codes"),
        (found.distances, _PRIOR, "the prior's codes"),
    ):
        shown = values.clamp(max=float(bins[-1])).numpy()
        axes.hist(shown, bins=bins.tolist(), density=True, alpha=0.6, color=colour, label=name)
    axes.set_yticks([])
    axes.set_title("distance to the nearest training image's code")
    axes.legend(fontsize=8)


def _plane(axes: "Axes", diagnosis: Diagnosis) -> None:
    """Draws both distributions along the first two principal axes of the held-out codes."""
    codes, prior = diagnosis.codes.held_out[:_DOTS].double(), diagnosis.codes.prior[:_DOTS].double()
    mean = codes.mean(0)
    if codes.shape[1] > 1:
        directions = torch.linalg.eigh(torch.cov(codes.T)).eigenvectors.flip(1)[:, :2]
        axes.set_ylabel("second axis")
    else:
        # With one dimension, the second axis only separates dots.
        directions = torch.ones(1, 1, dtype=torch.float64)
        axes.set_yticks([])
    for values, colour, name in ((codes, _CODES, "codes"), (prior, _PRIOR, "prior")):
        places = (values - mean) @ directions
        height = places[:, 1] if places.shape[1] > 1 else torch.linspace(-1, 1, len(places))
        axes.scatter(places[:, 0].numpy(), height.numpy(), s=4, linewidths=0, alpha=0.5, color=colour, label=name)
    axes.set_title("along the codes' first two principal axes")
    axes.set_xlabel("first axis")
    axes.legend(fontsize=8, markerscale=3)


def _images(axes: "Axes", farthest: Tensor, nearest: Tensor) -> None:
    grid = draw_grid(torch.cat([farthest, nearest]), len(farthest))
    axes.imshow(np.asarray(grid.convert("RGB")))
    axes.set_axis_off()
    axes.set_title(
        "above: samples whose codes are farthest from any training image's; below: the nearest training images",
        fontsize=10,
    )
