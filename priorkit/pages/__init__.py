"""HTML pages that stand alone: one design, curves with axes, pictures inside; nothing is loaded from elsewhere."""

from priorkit.pages.curves import Panel, curve_figure, curve_sections, panels_of
from priorkit.pages.document import PageScript, html_page, packaged_text
from priorkit.pages.film import film_strip
from priorkit.pages.markup import definitions, fold, json_island, picture, section, table, text_of
from priorkit.pages.measurement_names import MeasurementName, name_measurement

__all__ = [
    "MeasurementName",
    "PageScript",
    "Panel",
    "curve_figure",
    "curve_sections",
    "definitions",
    "film_strip",
    "fold",
    "html_page",
    "json_island",
    "name_measurement",
    "packaged_text",
    "panels_of",
    "picture",
    "section",
    "table",
    "text_of",
]
