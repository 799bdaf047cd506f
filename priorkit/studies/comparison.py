"""Trained runs side by side: a table, curves and samples."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priorkit.config import format_duration
from priorkit.data import to_uint8
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.evaluation.unbiased import below_zero_note
from priorkit.figures import draw_side_by_side, require_matplotlib
from priorkit.registry import Registry
from priorkit.runs import RunFolder, explained_os_errors, load_run, read_metrics, save_picture
from priorkit.studies.curves import save_curves
from priorkit.studies.documents import markdown_table, write_document
from priorkit.studies.run_summary import RunSummary, summarise_run
from priorkit.studies.study import MAIN_SCORES

__all__ = ["MOST_SAMPLES", "RunComparison", "compare_runs"]

MOST_SAMPLES = 1024
"""Samples of each run, at most: a picture of more shows nothing."""

_FILES = ("comparison.json", "comparison.md", "curves.png", "samples.png")


@dataclass(frozen=True)
class RunComparison:
    """Several runs side by side.

    Attributes:
        runs: The runs, in the order in which they were named.
        captions: A short name for each.
    """

    runs: tuple[RunSummary, ...]
    captions: tuple[str, ...]

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


def compare_runs(
    paths: Sequence[Path],
    out: Path,
    *,
    overwrite: bool = False,
    samples: int = 64,
    seed: int = 0,
    device: str = "auto",
    registry: Registry | None = None,
) -> RunComparison:
    """Writes `comparison.md`, `comparison.json`, `curves.png` and `samples.png` into a folder.

    Args:
        paths: The run folders, at least one.
        out: The folder.
        overwrite: Whether what an earlier comparison wrote there may be replaced.
        samples: Samples to show of each run.
        seed: Seed of their noise.
        device: Where to compute.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        MissingExtraError: matplotlib is not installed.
        RunFolderError: A folder is no run, or `out` is taken.
        ConfigurationError: More samples are asked for than a picture can show.
    """
    if samples > MOST_SAMPLES:
        raise ConfigurationError(f"a picture shows at most {MOST_SAMPLES} samples of each run, not {samples}")
    require_matplotlib("learning curves")
    _check_out(out, overwrite=overwrite)
    summaries = tuple(summarise_run(path) for path in paths)
    comparison = RunComparison(summaries, _captions(paths))
    grids = []
    for caption, summary in zip(comparison.captions, summaries, strict=True):
        run = load_run(summary.path, device=device, registry=registry)
        code = "x".join(map(str, run.config.code_shape))
        about = f"{caption}\nprior {summary.prior}, {code}-D code, {summary.images:,} images seen"
        grids.append((about, to_uint8(run.sample(samples, seed=seed)).cpu()))
    with explained_os_errors("make the folder", None):
        out.mkdir(parents=True, exist_ok=True)
        if overwrite:
            (out / "curves.png").unlink(missing_ok=True)
    save_picture(draw_side_by_side(grids), out / "samples.png", overwrite=True)
    rows = {
        caption: read_metrics(RunFolder.open(summary.path))
        for caption, summary in zip(comparison.captions, summaries, strict=True)
    }
    save_curves(rows, out / "curves.png")
    write_document(out / "comparison.json", json.dumps(comparison.as_data(), indent=2) + "\n")
    notes = "".join(f"\n- {note}\n" for note in comparison.notes)
    write_document(out / "comparison.md", markdown_table(*comparison.cells(comparison.labels)) + notes)
    return comparison


def _captions(paths: Sequence[Path]) -> tuple[str, ...]:
    """The folders' names; for those that share one, where they lie, and a number for a run that is named twice."""
    names = [path.resolve().name for path in paths]
    told = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    return tuple(
        name if told.count(name) == 1 else f"{name} ({told[:number].count(name) + 1})"
        for number, name in enumerate(told)
    )


def _check_out(out: Path, *, overwrite: bool) -> None:
    with explained_os_errors("look at", None):
        if out.exists() and not out.is_dir():
            raise RunFolderError(f"--out {out} is a file; name a folder")
        there = sorted(entry.name for entry in out.iterdir()) if out.is_dir() else []
    if there and not overwrite:
        raise RunFolderError(f"--out {out} exists already and is left as it is; name another one, or add --overwrite")
    others = [name for name in there if name not in _FILES]
    if others:
        raise RunFolderError(
            f"--out {out} holds more than a comparison ({others[0]!r}), and is left as it is; name another folder"
        )
