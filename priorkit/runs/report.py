"""A report of a run: one HTML page with its pictures, curves and settings."""

import base64
import html
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from priorkit.config import format_duration, parse_json
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.metrics_file import read_metrics
from priorkit.training import NoticedSymptom
from priorkit.whole_files import read_regular, write_whole

__all__ = ["latest_picture", "report_step", "write_report"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
img { max-width: 100%; image-rendering: pixelated; }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; }
svg { background: #fafafa; border: 1px solid #ddd; }
table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; }
pre { background: #fafafa; border: 1px solid #ddd; padding: 1rem; overflow-x: auto; }
"""
_STEP = re.compile(r'<meta name="priorkit-step" content="(\d+)">')
_SYMPTOM = "symptom/"
_WIDTH, _HEIGHT, _MARGIN = 280, 120, 6


def latest_picture(folder: RunFolder, kind: str, step: int | None = None) -> Path | None:
    """The newest picture of a kind (`samples` or `reconstructions`), up to a step if one is given; or None."""
    ours = re.compile(rf"{kind}-(\d{{8,}})\.png")
    found = [(int(match[1]), path) for path in folder.samples.glob("*.png") if (match := ours.fullmatch(path.name))]
    seen = [(of, path) for of, path in found if step is None or of <= step]
    return max(seen)[1] if seen else None


def _curve(name: str, points: list[tuple[float, float]]) -> str:
    """One value against the steps, as an SVG figure."""
    steps, values = zip(*points, strict=True)
    low, high, last = min(values), max(values), max(steps) or 1
    spread = (high - low) or 1.0
    line = " ".join(
        f"{_MARGIN + (_WIDTH - 2 * _MARGIN) * step / last:.1f},"
        f"{_HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (value - low) / spread:.1f}"
        for step, value in points
    )
    return (
        f'<figure><svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{html.escape(name)}">'
        f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/></svg>'
        f"<figcaption>{html.escape(name)}: {values[-1]:.4g}<br><small>from {low:.4g} to {high:.4g}</small></figcaption>"
        "</figure>"
    )


def _picture(path: Path, caption: str) -> str:
    data = base64.b64encode(read_regular(path)).decode("ascii")
    return (
        f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _rows(items: Iterable[tuple[str, object]]) -> str:
    cells = (f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td></tr>" for key, value in items)
    return f"<table>{''.join(cells)}</table>"


def write_report(folder: RunFolder, title: str | None = None) -> Path:
    """Writes `report.html`: it stands alone, pictures included.

    Args:
        folder: The run.
        title: What it is called there; the folder's name if None.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    with explained_os_errors("write the report"):
        write_whole(folder.report, _page(folder, title))
    return folder.report


def report_step(folder: RunFolder) -> int | None:
    """The step of the run that its report is of; None if there is no report, or it does not say so."""
    try:
        found = _STEP.search(read_regular(folder.report).decode("utf-8"))
    except (OSError, ValueError):
        return None
    return int(found[1]) if found else None


def _diagnosis(folder: RunFolder) -> list[str]:
    """What `priorkit diagnose` has found last, if it has."""
    try:
        found = parse_json(read_regular(folder.diagnosis).decode("utf-8"))
        lines = [f"{item['sentence']} {item['advice']}" for item in found["findings"]]
        of = str(found["checkpoint"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        # Somebody has changed the file: the rest of the report stands without it.
        lines, of = [f"{folder.diagnosis.name} cannot be read ({type(error).__name__}): diagnose the run again"], ""
    picture = folder.diagnosis_picture
    return [
        "<h2>Prior and codes</h2>",
        *(f"<p>{html.escape(line)}</p>" for line in lines),
        *([_picture(picture, f"diagnosis of {of}")] if picture.is_file() else []),
    ]


def _symptoms(rows: Iterable[Mapping[str, float]]) -> list[str]:
    """What training warned of."""

    def said(key: str, value: float) -> str:
        try:
            return str(NoticedSymptom.of_key(key, value))
        except ValueError:
            # Another version of priorkit has written it.
            return f"{key} {value:g}"

    lines = [
        f"Step {int(row['step'])}: {said(name.removeprefix(_SYMPTOM), value)}"
        for row in rows
        for name, value in row.items()
        if name.startswith(_SYMPTOM)
    ]
    return ["<h2>Warnings</h2>", *(f"<p>{html.escape(line)}</p>" for line in lines)] if lines else []


def _page(folder: RunFolder, title: str | None = None) -> str:
    rows = read_metrics(folder)
    environment = folder.read_environment()
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name not in ("step", "images", "seconds") and not name.startswith(_SYMPTOM):
                series.setdefault(name, []).append((row["step"], value))
    last = rows[-1] if rows else {"step": 0, "images": 0, "seconds": 0.0}
    about: list[tuple[str, object]] = [
        ("steps", int(last["step"])),
        ("images seen", int(last["images"])),
        ("training time", format_duration(last["seconds"])),
        ("device", f"{environment['device']}, {environment['precision']}"),
        ("versions", f"priorkit {environment['priorkit']}, torch {environment['torch']}"),
        *((f"parameters of {name}", count) for name, count in environment["parameters"].items()),
    ]
    captions = {"samples": "samples of the prior", "reconstructions": "held-out images, each above its reconstruction"}
    pictures = [
        _picture(path, caption)
        for kind, caption in captions.items()
        if (path := latest_picture(folder, kind)) is not None
    ]
    title = html.escape(folder.path.resolve().name if title is None else title)
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><meta name="priorkit-step" content="{int(last["step"])}">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{title}</h1>",
            _rows(about),
            *_symptoms(rows),
            "<h2>Pictures</h2>",
            *pictures,
            *_diagnosis(folder),
            "<h2>Curves</h2>",
            *(_curve(name, points) for name, points in sorted(series.items())),
            "<h2>Configuration</h2>",
            f"<pre>{html.escape(folder.config.read_text(encoding='utf-8'))}</pre>",
            "</body></html>",
            "",
        ]
    )
