"""Maps of codes in two dimensions: the prior's beside the encoder's (Fig. 11 and 13 of Wang et al. 2020)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from priorkit.data import to_float
from priorkit.figures.plotting import require_matplotlib
from priorkit.interfaces import ImageSet
from priorkit.models import Model

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CodeMap", "draw_code_map", "map_codes"]

_MOST_NAMED = 20
"""Maximal number of classes whose colours can be distinguished."""
_GREY = "0.45"


@dataclass(frozen=True)
class CodeMap:
    """The two-dimensional places of the prior's and the encoder's codes, in the same coordinates.

    Attributes:
        prior: Places of the prior's codes, float32 (N, 2).
        prior_classes: The classes that conditioned these codes, int64 (N,); None without classes.
        encoded: Places of the encoder's codes of held-out images, float32 (N, 2).
        labels: The labels of these images, int64 (N,); None without labels.
    """

    prior: Tensor
    prior_classes: Tensor | None
    encoded: Tensor
    labels: Tensor | None


def map_codes(
    model: Model,
    held_out: ImageSet,
    n: int,
    *,
    seed: int = 0,
    perplexity: float = 30.0,
    shown_as: Callable[[Tensor], Tensor] = lambda pixels: pixels,
) -> CodeMap:
    """Maps the prior's and the encoder's codes together to two dimensions by t-SNE.

    Args:
        model: A model with an encoder.
        held_out: Images to encode.
        n: Number of codes of each kind, or the number of images if that is smaller.
        seed: Seed of the prior's codes and of t-SNE.
        perplexity: Approximate number of neighbours of a code that t-SNE keeps near it (van der Maaten and Hinton 2008,
            Visualizing data using t-SNE); reduced to a third of the number of codes if larger.
        shown_as: Function that converts images, uint8 (N, C, H, W), before they are encoded.

    Raises:
        ConfigurationError: The model has no encoder.
    """
    from sklearn.manifold import TSNE

    n = min(n, len(held_out))
    shown = torch.arange(n) * len(held_out) // n
    encoded = model.encode(to_float(shown_as(held_out.take(shown))))
    condition = model.conditions(n, seed) if model.condition is not None else None
    # Indices are replaced by the codebook's vectors, because indices say nothing about nearness.
    codes = torch.cat([model.vectors(part) for part in (model.codes(n, seed, condition), encoded)]).cpu().numpy()
    # Starting from principal components keeps the large-scale layout; one-dimensional codes lack a second component.
    start = "pca" if codes.shape[1] > 1 and np.ptp(codes, axis=0).any() else "random"
    method = TSNE(perplexity=min(perplexity, (len(codes) - 1) / 3), init=start, random_state=seed % 2**32)
    places = torch.from_numpy(method.fit_transform(codes))
    classes = condition[:, : model.classes].argmax(1).cpu() if condition is not None and model.classes else None
    return CodeMap(places[:n], classes, places[n:], held_out.labels[shown] if held_out.labels is not None else None)


def draw_code_map(codes: CodeMap, class_names: Sequence[str] = (), label_names: Sequence[str] = ()) -> Image.Image:
    """Draws the prior's codes, coloured by class, beside the encoder's, coloured by label; grey without classes.

    Args:
        codes: The map of codes.
        class_names: Names of the classes of the prior's codes.
        label_names: Names of the labels.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib("maps of codes")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot, which would keep the figure in memory and may open a window.
    figure = Figure(figsize=(12, 5.5), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    _scatter(left, codes.prior, codes.prior_classes, class_names, "class")
    left.set_title("codes of the prior")
    _scatter(right, codes.encoded, codes.labels, label_names, "label")
    right.set_title("codes of held-out images")
    canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]


def _scatter(axes: "Axes", places: Tensor, classes: Tensor | None, names: Sequence[str], title: str) -> None:
    """Draws points in one colour for each class, with a legend if the colours can be distinguished."""
    from matplotlib import colormaps

    axes.set_xticks([])
    axes.set_yticks([])
    # Small points show the density of many points; few points must be large enough to be seen.
    size = max(6, min(40, 4000 / len(places)))
    if classes is None:
        axes.scatter(places[:, 0].numpy(), places[:, 1].numpy(), s=size, c=_GREY, linewidths=0)
        return
    count = max(len(names), int(classes.max()) + 1)
    few = count <= _MOST_NAMED
    colours = colormaps["tab10" if count <= 10 else "tab20"] if few else colormaps["hsv"].resampled(count + 1)
    handles = []
    for label in range(count):
        x, y = places[classes == label].T.numpy()
        handles.append(axes.scatter(x, y, s=size, color=colours(label), linewidths=0))
    if few:
        # A leading underscore would hide a name from the legend, and dollar signs would be set as formulae.
        words = [f" {names[label]}" if label < len(names) else f" {label}" for label in range(count)]
        legend = axes.legend(handles, words, title=title, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
        for text in legend.get_texts():
            text.set_parse_math(False)
