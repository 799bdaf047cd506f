"""Figures of trained models: classes, maps of codes, nearest training images, several runs."""

from priorkit.figures.code_map import CodeMap, draw_code_map, map_codes
from priorkit.figures.grids import as_picture, draw_class_figure, draw_grid, draw_sweep, draw_texts
from priorkit.figures.neighbours import Neighbours, draw_neighbours, nearest_images
from priorkit.figures.plotting import require_matplotlib
from priorkit.figures.side_by_side import draw_side_by_side
from priorkit.figures.text_patterns import spelled_out

__all__ = [
    "CodeMap",
    "Neighbours",
    "as_picture",
    "draw_class_figure",
    "draw_code_map",
    "draw_grid",
    "draw_neighbours",
    "draw_side_by_side",
    "draw_sweep",
    "draw_texts",
    "map_codes",
    "nearest_images",
    "require_matplotlib",
    "spelled_out",
]
