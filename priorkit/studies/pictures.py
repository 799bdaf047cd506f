"""The pictures of a study."""

from priorkit.plugins import Registry
from priorkit.runs import Run, load_run
from priorkit.studies.plan import Request
from priorkit.studies.results import Results, Row
from priorkit.studies.sample_grids import save_side_by_side
from priorkit.training import to_uint8

__all__ = ["SHOWN", "draw_study"]

SHOWN = 64
"""Samples shown of each run."""


def draw_study(request: Request, results: Results, registry: Registry) -> None:
    """Draws `samples.png`: samples of every system's first complete run side by side, all from the same noise.

    Raises:
        PriorkitError: A run cannot be loaded, or the folder cannot be written.
    """
    device = str(request.common.get("device", "auto"))
    grids = []
    for row in results.rows:
        if row.complete:
            run = load_run(row.complete[0].path, device=device, registry=registry)
            grids.append((_caption(results, row, run), to_uint8(run.sample(SHOWN)).cpu()))
    if grids:
        save_side_by_side(grids, request.out / "samples.png", in_a_row=min(4, len(grids)))


def _caption(results: Results, row: Row, run: Run) -> str:
    measure = f"{results.study.measure} " if results.study.measure and row.system.score is not None else ""
    paper = f"\npaper: {measure}{row.paper}" if row.paper else ""
    return f"{row.system.title}, {run.config.code_dim}-D code{paper}"
