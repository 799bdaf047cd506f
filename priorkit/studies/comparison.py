"""Compares trained runs side by side, in tables, curves, samples and a page."""

import json
from collections.abc import Sequence
from pathlib import Path

from priorkit.data import to_uint8
from priorkit.errors import ConfigurationError, MissingExtraError, RunFolderError
from priorkit.figures import draw_grid, draw_side_by_side, require_matplotlib
from priorkit.registry import Registry
from priorkit.runs import RunFolder, explained_os_errors, load_run, read_metrics, save_picture
from priorkit.studies.curves import save_curves
from priorkit.studies.documents import markdown_table, write_document
from priorkit.studies.run_comparison import RunComparison
from priorkit.studies.run_summary import summarise_run
from priorkit.studies.study_pages import comparison_page

__all__ = ["MOST_SAMPLES", "compare_runs"]

MOST_SAMPLES = 1024
"""Maximal number of samples of each run: in a picture of more, nothing can be recognised."""

_IN_PAGE = 64
"""Maximal number of samples of each run in the page."""
_FILES = ("comparison.html", "comparison.json", "comparison.md", "curves.png", "samples.png")


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
    """Compares runs in `comparison.html`, `comparison.md`, `comparison.json`, `curves.png` and `samples.png`.

    `curves.png` needs matplotlib, and is left out without it; the page shows the same curves.

    Args:
        paths: The run folders, at least one.
        out: The folder for these files.
        overwrite: Whether files of an earlier comparison in the folder may be replaced.
        samples: Number of samples shown of each run, at most 1024.
        seed: Seed of the samples.
        device: The device: auto, cpu, cuda, cuda:N or mps.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        RunFolderError: One of `paths` is not a run folder, or `out` is already in use.
        ConfigurationError: `samples` is above 1024.
    """
    if samples > MOST_SAMPLES:
        raise ConfigurationError(f"a picture shows at most {MOST_SAMPLES} samples of each run, not {samples}")
    _check_out(out, overwrite=overwrite)
    summaries = tuple(summarise_run(path) for path in paths)
    comparison = RunComparison(summaries, _captions(paths), _why_undrawn())
    grids, pictures, configs = [], [], []
    for caption, summary in zip(comparison.captions, summaries, strict=True):
        run = load_run(summary.path, device=device, registry=registry)
        code = "x".join(map(str, run.config.code_shape))
        about = f"prior {summary.prior}, {code}-D code, {summary.images:,} images seen"
        images = to_uint8(run.sample(samples, seed=seed)).cpu()
        grids.append((f"{caption}\n{about}", images))
        pictures.append((about, draw_grid(images[:_IN_PAGE])))
        configs.append(run.config)
    with explained_os_errors("make the folder", None):
        out.mkdir(parents=True, exist_ok=True)
        if overwrite:
            (out / "curves.png").unlink(missing_ok=True)
    save_picture(draw_side_by_side(grids), out / "samples.png", overwrite=True)
    rows = {
        caption: read_metrics(RunFolder.open(summary.path))
        for caption, summary in zip(comparison.captions, summaries, strict=True)
    }
    if not comparison.undrawn:
        save_curves(rows, out / "curves.png")
    write_document(out / "comparison.json", json.dumps(comparison.as_data(), indent=2) + "\n")
    notes = "".join(f"\n- {note}\n" for note in comparison.notes)
    write_document(out / "comparison.md", markdown_table(*comparison.cells(comparison.labels)) + notes)
    page = comparison_page(comparison, out.absolute().name, pictures, rows, configs)
    write_document(out / "comparison.html", page)
    return comparison


def _why_undrawn() -> str:
    try:
        require_matplotlib("learning curves")
    except MissingExtraError as error:
        return str(error)
    return ""


def _captions(paths: Sequence[Path]) -> tuple[str, ...]:
    """The folders' names; paths for folders of the same name, with a number if the same path is given twice."""
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
        raise RunFolderError(f"--out {out} already exists and is left as it is; name another one, or add --overwrite")
    others = [name for name in there if name not in _FILES]
    if others:
        raise RunFolderError(
            f"--out {out} also holds other files ({others[0]!r}), and is left as it is; name another folder"
        )
