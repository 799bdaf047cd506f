"""The results of a study: each system's scores over its seeds, beside the paper's figures."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priorkit.config import format_duration
from priorkit.evaluation.unbiased import below_zero_note
from priorkit.runs import RunFolder
from priorkit.studies.documents import markdown_table, write_document
from priorkit.studies.plan import Request
from priorkit.studies.run_summary import RunSummary, summarise_run
from priorkit.studies.scoring import study_evaluations
from priorkit.studies.study import ComparedSystem, Study

__all__ = ["Results", "Row", "Spread", "gather_results", "write_results"]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a score over several runs.

    Attributes:
        mean: The mean.
        deviation: The sample standard deviation; None for one run.
        count: Number of runs.
    """

    mean: float
    deviation: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))

    def __str__(self) -> str:
        if self.deviation is None:
            return f"{self.mean:.4g}"
        return f"{self.mean:.4g} ± {self.deviation:{'.0f' if self.deviation >= 10 else '.2g'}}"


@dataclass(frozen=True)
class Row:
    """One system of a study.

    Attributes:
        system: The system.
        runs: The system's runs, ordered by seed.
    """

    system: ComparedSystem
    runs: tuple[RunSummary, ...]

    @property
    def complete(self) -> tuple[RunSummary, ...]:
        """The runs that are complete."""
        return tuple(run for run in self.runs if run.state == "complete")

    @property
    def scores(self) -> dict[str, Spread]:
        """Scores over the complete runs, by label."""
        labels = dict.fromkeys(label for run in self.complete for label in run.scores)
        return {
            label: Spread.of([run.scores[label] for run in self.complete if label in run.scores]) for label in labels
        }

    @property
    def paper(self) -> str:
        """The paper's figure and remark."""
        figure = [] if self.system.score is None else [f"{self.system.score:.2f}"]
        return "; ".join([*figure, *([self.system.remark] if self.system.remark else [])])

    @property
    def progress(self) -> str:
        """The number of complete runs, and the states of the others."""
        others = [run.state for run in self.runs if run.state != "complete"]
        counts = [f"{others.count(state)} {state}" for state in dict.fromkeys(others)]
        return ", ".join([*([str(len(self.complete))] if self.complete or not others else []), *counts])


@dataclass(frozen=True)
class Results:
    """The results of a study so far.

    Attributes:
        study: The study.
        dataset: The names of the data sets of its runs.
        budget: The length of each training, in words.
        rows: One row for each system.
        refused: The reasons why priors could not be fitted, by the names of their runs.
    """

    study: Study
    dataset: str
    budget: str
    rows: tuple[Row, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """One line with the study, the data and the length of training."""
        return f"{self.study.name}: {self.study.title}; on {self.dataset}, {self.budget} for each system and seed"

    @property
    def labels(self) -> list[str]:
        """The labels of all scores that any system has."""
        return list(dict.fromkeys(label for row in self.rows for label in row.scores))

    @property
    def main_labels(self) -> list[str]:
        """The labels of the scores in the printed table; `table.md` has all."""
        evaluated = [item for row in self.rows for run in row.complete for item in run.evaluated]
        main = {item["label"] for item in evaluated if item["name"] in self.study.main_scores}
        others = {item["label"] for item in evaluated} - main
        return [label for label in self.labels if label not in others]

    @property
    def _extractors(self) -> list[str]:
        """The descriptions of the scores' extractors."""
        found = [item["extractor"] for row in self.rows for run in row.complete for item in run.evaluated]
        return list(
            dict.fromkeys(", ".join(_said(key, value) for key, value in about.items()) for about in found if about)
        )

    @property
    def notes(self) -> list[str]:
        """Notes for readers of the table."""
        notes = list(self.study.notes)
        if self.study.measure:
            notes.insert(
                0,
                f"The paper's {self.study.measure} is that of the Inception network on {', '.join(self.study.data)}, "
                "after training of a length that the paper does not state. Scores by another extractor (named before "
                "the score) or on other data cannot be compared with it; the order of the systems may.",
            )
        if any(run.state == "complete" for row in self.rows for run in row.runs):
            notes += [f"Feature extractor: {about}." for about in self._extractors]
            if len(self._extractors) > 1:
                notes.append(
                    "There are several feature extractors, and scores by different extractors cannot be compared. Data "
                    "without test images is split anew for each seed, so an extractor that learns from it differs, "
                    "too; or the extractor was changed between calls (table.json has the extractor of each score)."
                )
            notes.append("A score is the mean over the seeds ± their standard deviation.")
        below = below_zero_note(
            label for row in self.rows for run in row.complete for label in run.below_zero if row.scores[label].mean < 0
        )
        notes += [f"{below}."] if below else []
        reasons = dict.fromkeys(reason for row in self.rows for run in row.complete for reason in run.unscored)
        notes += [f"Not scored: {reason}." for reason in reasons]
        notes += [f"Not fitted: {name}: {reason}." for name, reason in self.refused.items()]
        return notes

    def cells(self, labels: Sequence[str]) -> tuple[list[str], list[list[str]]]:
        """The table as text: its header, and its rows.

        Args:
            labels: The scores to show.
        """
        measure = f"paper: {self.study.measure}" if self.study.measure else "paper"
        shown = bool(self.study.measure) or any(row.paper for row in self.rows)
        sampling = [run.sampling for row in self.rows for run in row.complete if run.sampling is not None]
        timed = [f"{sampling[0].codes:,} codes in"] if sampling else []
        header = ["system", *([measure] if shown else []), *labels, *timed, "seeds", "images seen", "training time"]
        table = []
        for row in self.rows:
            found = row.scores
            runs = row.complete or row.runs
            table.append(
                [
                    row.system.title,
                    *([row.paper] if shown else []),
                    *(str(found[label]) if label in found else "" for label in labels),
                    *([_sampling(row)] if timed else []),
                    row.progress,
                    _range([run.images for run in runs]),
                    format_duration(statistics.fmean(run.seconds for run in runs)) if runs else "",
                ]
            )
        return header, table

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "study": self.study.name,
            "title": self.study.title,
            "dataset": self.dataset,
            "budget": self.budget,
            "paper_measure": self.study.measure or None,
            "paper_data": list(self.study.data),
            "systems": [
                {
                    "name": row.system.name,
                    "title": row.system.title,
                    "recipe": row.system.recipe or None,
                    "fitted_to": row.system.fitted_to or None,
                    "settings": dict(row.system.settings),
                    "paper": {"score": row.system.score, "remark": row.system.remark},
                    "scores": {
                        label: {"mean": spread.mean, "deviation": spread.deviation, "seeds": spread.count}
                        for label, spread in row.scores.items()
                    },
                    "runs": [run.as_data() for run in row.runs],
                }
                for row in self.rows
            ],
            "notes": self.notes,
        }


def _sampling(row: Row) -> str:
    """The mean time that the prior of a system takes to draw codes, in words."""
    seconds = [run.sampling.seconds for run in row.complete if run.sampling is not None]
    return f"{statistics.fmean(seconds):.2g} s" if seconds else ""


def _range(counts: Sequence[int]) -> str:
    """`96,000`, or `90,000 to 96,000` if the counts differ."""
    return " to ".join(f"{count:,}" for count in dict.fromkeys((min(counts), max(counts)))) if counts else ""


def _said(key: str, value: str | int | float) -> str:
    """A property of an extractor in words."""
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return shown if key == "name" else f"{key} {shown}"


def gather_results(request: Request, refused: Mapping[str, str] | None = None) -> Results:
    """Reads the results in a study's folder: all seeds of all systems, whatever this request includes.

    Args:
        request: The request for the study.
        refused: The reasons why priors could not be fitted, by the names of their runs.

    Raises:
        RunFolderError: A run is damaged.
    """
    rows = []
    for system in request.study.systems:
        seeds = sorted(
            (int(seed), path)
            for path in request.out.glob(f"{system.name}-seed*")
            if (seed := path.name.removeprefix(f"{system.name}-seed")).isdecimal() and (path / "config.toml").is_file()
        )
        rows.append(Row(system, tuple(_summarised(path, request) for _, path in seeds)))
    datasets = dict.fromkeys(run.dataset for row in rows for run in row.runs)
    return Results(request.study, ", ".join(datasets), request.budget, tuple(rows), dict(refused or {}))


def _summarised(path: Path, request: Request) -> RunSummary:
    return summarise_run(path, study_evaluations(RunFolder.open(path), request.samples, request.study.scores))


def write_results(results: Results, folder: Path) -> None:
    """Writes `table.json` and `table.md` into a folder.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    write_document(folder / "table.json", json.dumps(results.as_data(), indent=2) + "\n")
    header, rows = results.cells(results.labels)
    notes = "\n".join(f"- {note}" for note in results.notes)
    write_document(folder / "table.md", f"# {results.title}\n\n{markdown_table(header, rows)}\n{notes}\n")
