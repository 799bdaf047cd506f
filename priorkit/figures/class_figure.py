"""One noise under every class (Fig. 10 and 12 of Wang et al. 2020)."""

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from priorkit.data import to_uint8
from priorkit.figures.captions import caption_columns
from priorkit.figures.grids import draw_grid
from priorkit.models import Model

__all__ = ["draw_class_figure"]


def draw_class_figure(
    model: Model, conditions: Tensor, rows: int, *, captions: Sequence[str] = (), seed: int = 0
) -> Image.Image:
    """Draws a grid whose columns share s and whose rows share the noise.

    Args:
        model: A model with a condition.
        conditions: The columns' s, shape (columns, dim).
        rows: Number of rows.
        captions: What to write above the columns; as many as there are, or none.
        seed: Seed of the noise.

    Raises:
        ConfigurationError: The model has no condition.
        ValueError: The conditions have another shape.
    """
    grid = draw_grid(to_uint8(model.sample_grid(conditions, rows, seed)), len(conditions))
    return caption_columns(grid, captions) if captions else grid
