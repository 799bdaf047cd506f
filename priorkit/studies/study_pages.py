"""The HTML pages of comparisons and studies: tables, curves of several runs, pictures side by side."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from PIL import Image

from priorkit.config import RunConfig, flag_for
from priorkit.pages import (
    Html,
    PageScript,
    compressed,
    curve_sections,
    file_link,
    fold,
    html_page,
    panels_of,
    picture,
    section,
    table,
)
from priorkit.runs import RunFolder, read_metrics
from priorkit.studies.results import Results
from priorkit.studies.run_comparison import RunComparison
from priorkit.whole_files import read_regular

__all__ = ["comparison_page", "study_page"]

_LARGEST = 1_000_000
"""Approximate maximal size of a picture in a page, in bytes."""
_ABSENT = "\N{EN DASH}"

Rows = Sequence[Mapping[str, float]]


def comparison_page(
    comparison: RunComparison,
    title: str,
    samples: Sequence[tuple[str, Image.Image]],
    measured: Mapping[str, Rows],
    configs: Sequence[RunConfig],
) -> Html:
    """A comparison of runs as a self-contained HTML page.

    Args:
        comparison: The comparison.
        title: The page's title.
        samples: A note beside each run's caption, and a picture of the run's samples.
        measured: The rows of each run's metrics, by the run's caption.
        configs: The runs' configurations.
    """
    header, cells = comparison.cells(comparison.labels)
    shown = Html("").join(
        picture(_of_page(image), caption, note=note)
        for caption, (note, image) in zip(comparison.captions, samples, strict=True)
    )
    return html_page(
        title,
        f"{len(comparison.runs)} runs side by side." if len(comparison.runs) > 1 else "One run.",
        [
            section("Scores", table(header, cells), *_notes(comparison.notes)),
            section("Samples", Html('<div class="pictures">{}</div>').format(shown)),
            section("What differs", _differences(comparison.captions, configs)),
            *curve_sections(panels_of(measured, across="images")),
        ],
        scripts=(PageScript.CURVES,),
    )


def _of_page(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG")
    return compressed(file.getvalue(), _LARGEST)


def _notes(notes: Sequence[str]) -> list[Html]:
    return [Html("<p>{}</p>").format(note) for note in notes]


def _differences(captions: Sequence[str], configs: Sequence[RunConfig]) -> Html:
    """A table of the options in which the runs differ; empty for a single run."""
    if len(configs) < 2:
        return Html("")
    settings = [dict(_options(config.model_dump(mode="json"))) for config in configs]
    told = {name: [_said(values.get(name)) for values in settings] for values in settings for name in values}
    differing = [[name, *values] for name, values in told.items() if len(set(values)) > 1]
    if not differing:
        return Html("<p>Their configurations do not differ.</p>")
    shared = set.intersection(*map(set, settings))
    header = ["option", *captions]
    others = [row for row in differing if row[0] not in shared]
    parts = [table(header, [row for row in differing if row[0] in shared])]
    if others:
        parts.append(fold("Options of components that only some of the runs have", table(header, others)))
    return Html("").join(parts)


def _options(settings: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yields every option with its flag; a component's name has the flag that chooses the component."""
    for key, value in settings.items():
        here = path if path and key == "name" else (*path, key)
        if isinstance(value, Mapping):
            yield from _options(value, here)
        else:
            yield flag_for(here), value


def _said(value: Any) -> str:
    if value is None or value == "":
        return _ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_said(_stage(item)) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _stage(item: Any) -> Any:
    """Formats a stage, which is a table in a list, as words."""
    if not isinstance(item, Mapping):
        return item
    return " ".join(f"{key} {_said(value)}" for key, value in item.items() if value is not None)


def study_page(results: Results, folder: Path) -> Html:
    """The results of a study so far as a self-contained HTML page, which links the reports of the runs.

    Curves and pictures are those of each system's first complete run.

    Args:
        results: The study's results.
        folder: The study's folder.

    Raises:
        RunFolderError: The metrics of a run cannot be read.
    """
    header, cells = results.cells(results.labels)
    first = {row.system.title: row.complete[0] for row in results.rows if row.complete}
    measured = {title: read_metrics(RunFolder(run.path)) for title, run in first.items()}
    reports = [
        [row.system.title, Html(", ").join(_report(run.path, folder) for run in row.runs)]
        for row in results.rows
        if row.runs
    ]
    return html_page(
        folder.absolute().name,
        results.title,
        [
            section("Scores", table(header, cells), *_notes(results.notes)),
            *_drawn(results, folder),
            *curve_sections(panels_of(measured, across="images")),
            section("Reports", *([table(["system", "runs"], reports)] if reports else [])),
        ],
        scripts=(PageScript.CURVES,),
    )


def _report(run: Path, folder: Path) -> str:
    if not (run / "report.html").is_file():
        return run.name
    return file_link(run.name, PurePath(run.relative_to(folder), "report.html"))


def _drawn(results: Results, folder: Path) -> list[Html]:
    """The pictures in the study's folder."""
    names = {"samples.png": "samples of each"}
    for row in results.rows:
        names |= {f"{row.system.name}-{kind}.png": f"{row.system.title}: {kind}" for kind in results.study.pictures}
    shown = [
        picture(compressed(read_regular(folder / name), _LARGEST), caption, pixels=False)
        for name, caption in names.items()
        if (folder / name).is_file()
    ]
    return [section("Pictures", *shown)]
