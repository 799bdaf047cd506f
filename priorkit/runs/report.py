"""A report of a run: one HTML page with its pictures, scores, curves and settings."""

import re
from pathlib import Path

from priorkit.pages import (
    Html,
    PageScript,
    curve_sections,
    definitions,
    film_strip,
    fold,
    html_page,
    panels_of,
    picture,
    section,
)
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.metrics_file import read_metrics
from priorkit.runs.report_findings import diagnosis_section, scores_section, symptoms_section
from priorkit.runs.report_words import run_facts, run_sentence
from priorkit.whole_files import read_regular, write_whole

__all__ = ["kept_pictures", "latest_picture", "report_step", "write_report"]

_STEP = re.compile(r'<meta name="priorkit-step" content="(\d+)">')
_CAPTIONS = {"samples": "Samples of the prior", "reconstructions": "Held-out images, each above its reconstruction"}


def kept_pictures(folder: RunFolder, kind: str) -> list[tuple[int, Path]]:
    """Returns the pictures of a kind (`samples` or `reconstructions`) with their steps, in order of steps.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, kept_pictures
        >>> [(step, path.name) for step, path in kept_pictures(RunFolder.open(Path("runs/first")), "samples")]
        [(2, 'samples-00000002.png')]
    """
    ours = re.compile(rf"{kind}-(\d{{8,}})\.png")
    found = [(int(match[1]), path) for path in folder.samples.glob("*.png") if (match := ours.fullmatch(path.name))]
    return sorted(found)


def latest_picture(folder: RunFolder, kind: str, step: int | None = None) -> Path | None:
    """Returns the newest picture of a kind (`samples` or `reconstructions`), up to a step if given; None without any.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, latest_picture
        >>> folder = RunFolder.open(Path("runs/first"))
        >>> latest_picture(folder, "reconstructions").name, latest_picture(folder, "reconstructions", step=1)
        ('reconstructions-00000002.png', None)
    """
    seen = [(of, path) for of, path in kept_pictures(folder, kind) if step is None or of <= step]
    return seen[-1][1] if seen else None


def write_report(folder: RunFolder, title: str | None = None) -> Path:
    """Writes `report.html`, a self-contained page with its pictures.

    Args:
        folder: The run.
        title: The report's title; the folder's name if None.

    Raises:
        RunFolderError: The folder cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, write_report
        >>> path = write_report(RunFolder.open(Path("runs/first")), "My first run")
        >>> path.name, "<h1>My first run</h1>" in path.read_text(encoding="utf-8")
        ('report.html', True)
    """
    with explained_os_errors("write the report"):
        write_whole(folder.report, _page(folder, title))
    return folder.report


def report_step(folder: RunFolder) -> int | None:
    """Returns the step of the run's report; None if there is no report, or it does not name a step."""
    try:
        found = _STEP.search(read_regular(folder.report).decode("utf-8"))
    except (OSError, ValueError):
        return None
    return int(found[1]) if found else None


def _pictures(folder: RunFolder) -> Html:
    shown = [(caption, latest_picture(folder, kind)) for kind, caption in _CAPTIONS.items()]
    figures = [picture(read_regular(path), caption) for caption, path in shown if path is not None]
    return section(
        "Pictures", *([Html('<div class="pictures">{}</div>').format(Html("").join(figures))] if figures else [])
    )


def _page(folder: RunFolder, title: str | None = None) -> Html:
    rows = read_metrics(folder)
    environment, config = folder.read_environment(), folder.read_config()
    last = rows[-1] if rows else {"step": 0, "images": 0, "seconds": 0.0}
    settings = Html("<pre>{}</pre>").format(folder.config.read_text(encoding="utf-8"))
    return html_page(
        folder.path.resolve().name if title is None else title,
        run_sentence(config, environment),
        [
            symptoms_section(rows),
            _pictures(folder),
            section("Samples in the course of training", film_strip(kept_pictures(folder, "samples"), "samples")),
            scores_section(folder, rows),
            diagnosis_section(folder),
            *curve_sections(panels_of({"": rows})),
            section("Run", definitions(run_facts(environment, last, config.seed))),
            fold("Configuration", settings),
        ],
        scripts=(PageScript.CURVES, PageScript.FILM),
        head=Html('<meta name="priorkit-step" content="{}">').format(int(last["step"])),
    )
