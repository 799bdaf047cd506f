"""Runs side by side, in tables."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from priorkit.config import format_duration
from priorkit.evaluation.unbiased import below_zero_note
from priorkit.studies.run_summary import RunSummary
from priorkit.studies.study import MAIN_SCORES

__all__ = ["RunComparison"]


@dataclass(frozen=True)
class RunComparison:
    """Several runs side by side.

    Attributes:
        runs: The runs, in the order in which they were named.
        captions: A short name for each.
        undrawn: Why `curves.png` could not be drawn; empty where it could.
    """

    runs: tuple[RunSummary, ...]
    captions: tuple[str, ...]
    undrawn: str = ""

    @property
    def labels(self) -> list[str]:
        """The scores that any run has."""
        return list(dict.fromkeys(label for run in self.runs for label in run.scores))

    @property
    def main_labels(self) -> list[str]:
        """Those of them that a table for people has: held-out scores, and what tells most of samples."""
        evaluated = [item for run in self.runs for item in run.evaluated]
        main = {item["label"] for item in evaluated if item["name"] in MAIN_SCORES}
        others = {item["label"] for item in evaluated} - main
        return [label for label in self.labels if label not in others]

    @property
    def notes(self) -> list[str]:
        """Scores that do not compare, though they have one name; and what values below 0 mean."""
        return [*self._apart, *filter(None, [below_zero_note(label for run in self.runs for label in run.below_zero)])]

    @property
    def _apart(self) -> list[str]:
        ways: dict[str, set[str]] = {}
        for run in self.runs:
            for item in run.evaluated:
                # Which scores were asked for together changes none of them.
                settings = {key: value for key, value in (item["settings"] or {}).items() if key != "scores"}
                way = [item.get("extractor"), item.get("samples"), item.get("real"), settings]
                ways.setdefault(item["label"], set()).add(json.dumps(way, sort_keys=True))
        apart = [label for label, found in ways.items() if len(found) > 1]
        if not apart:
            return []
        return [
            f"Computed in different ways for different runs (number of images, settings or extractor), so not to be "
            f"compared: {', '.join(apart)}. comparison.json says how; evaluate the runs again with the same options."
        ]

    def cells(self, labels: Sequence[str]) -> tuple[list[str], list[list[str]]]:
        """The table as text: its header, and its rows.

        Args:
            labels: The scores to show.
        """
        header = ["run", "data set", "prior", "regularizer", "loss", "images seen", "training time", *labels]
        rows = [
            [
                caption if run.state == "complete" else f"{caption} ({run.state})",
                run.dataset,
                run.prior,
                run.regularizer,
                run.loss,
                f"{run.images:,}",
                format_duration(run.seconds),
                *(f"{run.scores[label]:.4g}" if label in run.scores else "" for label in labels),
            ]
            for caption, run in zip(self.captions, self.runs, strict=True)
        ]
        return header, rows

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "runs": [
                {"caption": caption, **run.as_data()} for caption, run in zip(self.captions, self.runs, strict=True)
            ],
            "notes": self.notes,
        }
