"""Tables of several runs."""

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
        captions: A short name for each run.
        undrawn: The reason why `curves.png` could not be drawn; empty if it was drawn.
    """

    runs: tuple[RunSummary, ...]
    captions: tuple[str, ...]
    undrawn: str = ""

    @property
    def labels(self) -> list[str]:
        """The labels of all scores that any run has."""
        return list(dict.fromkeys(label for run in self.runs for label in run.scores))

    @property
    def main_labels(self) -> list[str]:
        """The labels of the scores in the printed table: held-out scores, and the main scores of samples."""
        evaluated = [item for run in self.runs for item in run.evaluated]
        main = {item["label"] for item in evaluated if item["name"] in MAIN_SCORES}
        others = {item["label"] for item in evaluated} - main
        return [label for label in self.labels if label not in others]

    @property
    def notes(self) -> list[str]:
        """Notes on scores that cannot be compared although they have the same label, and on negative values."""
        return [*self._apart, *filter(None, [below_zero_note(label for run in self.runs for label in run.below_zero)])]

    @property
    def _apart(self) -> list[str]:
        ways: dict[str, set[str]] = {}
        for run in self.runs:
            for item in run.evaluated:
                # A score does not depend on which other scores were requested with it.
                settings = {key: value for key, value in (item["settings"] or {}).items() if key != "scores"}
                way = [item.get("extractor"), item.get("samples"), item.get("real"), settings]
                ways.setdefault(item["label"], set()).add(json.dumps(way, sort_keys=True))
        apart = [label for label, found in ways.items() if len(found) > 1]
        if not apart:
            return []
        return [
            f"Computed differently for different runs (number of images, settings or extractor), so they cannot be "
            f"compared: {', '.join(apart)}. See comparison.json, or evaluate the runs again with the same options."
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
