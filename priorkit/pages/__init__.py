"""Self-contained HTML pages of one design, with curves and pictures; pages load nothing from elsewhere."""

from priorkit.pages.compression import compressed
from priorkit.pages.curves import Panel, curve_figure, curve_sections, panels_of, panels_of_curves
from priorkit.pages.document import PageScript, html_page, packaged_text
from priorkit.pages.film import film_strip
from priorkit.pages.markup import (
    Html,
    data_url,
    definitions,
    file_link,
    fold,
    json_island,
    picture,
    section,
    table,
)
from priorkit.pages.measurement_names import MeasurementName, name_measurement
from priorkit.pages.scatter import Point, PointGroup, scatter_figure

__all__ = [
    "Html",
    "MeasurementName",
    "PageScript",
    "Panel",
    "Point",
    "PointGroup",
    "compressed",
    "curve_figure",
    "curve_sections",
    "data_url",
    "definitions",
    "file_link",
    "film_strip",
    "fold",
    "html_page",
    "json_island",
    "name_measurement",
    "packaged_text",
    "panels_of",
    "panels_of_curves",
    "picture",
    "scatter_figure",
    "section",
    "table",
]
