"""Sections of a run's pages: scores, warnings, the diagnosis of its prior."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from priorkit.config import parse_json
from priorkit.errors import RunFolderError
from priorkit.evaluation.unbiased import below_zero_note
from priorkit.pages import Html, picture, section, table
from priorkit.runs.folder import RunFolder
from priorkit.runs.scores_file import read_evaluations
from priorkit.training import NoticedSymptom
from priorkit.whole_files import read_regular

__all__ = ["diagnosis_section", "scores_section", "symptom_lines", "symptoms_section"]

_HELD_OUT = "held_out/"
_SYMPTOM = "symptom/"


def scores_section(folder: RunFolder, rows: Sequence[Mapping[str, float]]) -> Html:
    """Held-out scores of the training, last and best, and the scores of `priorkit evaluate`."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for key, value in row.items():
            if key.startswith(_HELD_OUT):
                found.setdefault(key.removeprefix(_HELD_OUT).replace("_", " "), []).append((row["step"], value))
    lines = []
    for name, points in found.items():
        step, best = min(points, key=lambda point: point[1])
        lines.append([f"held-out {name}", f"{points[-1][1]:.4g}", f"{best:.4g}", f"{int(step):,}"])
    training = table(["during training", "last", "best", "at step"], lines) if lines else Html("")
    below = below_zero_note(f"held-out {name}" for name, points in found.items() if any(y < 0 for _, y in points))
    if below:
        training += Html("<p><small>{}</small></p>").format(below)
    return section("Scores", training, _evaluated(folder))


def _evaluated(folder: RunFolder) -> Html:
    try:
        evaluations = read_evaluations(folder.scores)
    except RunFolderError:
        # The file has been changed: the report is written without it.
        told = Html("<p>{} cannot be read: evaluate the run again, with another --out.</p>")
        return told.format(folder.scores.name)
    newest: dict[str, list[str]] = {}
    for evaluation in evaluations:
        for score in evaluation["scores"]:
            if isinstance(score.get("value"), int | float):
                newest[score["label"]] = [score["label"], _value(score), str(evaluation.get("checkpoint", ""))]
    return table(["evaluated", "value", "checkpoint"], newest.values()) if newest else Html("")


def _value(score: Mapping[str, Any]) -> str:
    spread = score.get("spread")
    return f"{score['value']:.4g}" + (f" ± {spread:.2g}" if isinstance(spread, int | float) else "")


def symptom_lines(row: Mapping[str, float]) -> list[str]:
    """The warnings of training in a row of its metrics, in words."""

    def said(key: str, value: float) -> str:
        try:
            return str(NoticedSymptom.of_key(key, value))
        except ValueError:
            # Written by another version of priorkit.
            return f"{key} {value:g}"

    return [
        f"Step {int(row['step'])}: {said(name.removeprefix(_SYMPTOM), value)}"
        for name, value in row.items()
        if name.startswith(_SYMPTOM)
    ]


def symptoms_section(rows: Iterable[Mapping[str, float]]) -> Html:
    """The warnings of training."""
    lines = [line for row in rows for line in symptom_lines(row)]
    return section("Warnings", *(Html('<p class="warning">{}</p>').format(line) for line in lines))


def diagnosis_section(folder: RunFolder) -> Html:
    """The last diagnosis of `priorkit diagnose`, if there is one."""
    try:
        found = parse_json(read_regular(folder.diagnosis).decode("utf-8"))
        lines = [f"{item['sentence']} {item['advice']}" for item in found["findings"]]
        of = str(found["checkpoint"])
    except FileNotFoundError:
        return Html("")
    except (OSError, ValueError, KeyError, TypeError) as error:
        # The file has been changed: the report is written without it.
        lines, of = [f"{folder.diagnosis.name} cannot be read ({type(error).__name__}): diagnose the run again"], ""
    drawn = folder.diagnosis_picture
    return section(
        "Prior and codes",
        *(Html("<p>{}</p>").format(line) for line in lines),
        *([picture(read_regular(drawn), f"diagnosis of {of}", pixels=False)] if drawn.is_file() else []),
    )
