"""The pictures of a study: samples of all systems side by side, and what its figure shows of each."""

from pathlib import Path

import torch

from priorkit.data import to_uint8
from priorkit.figures import draw_class_figure, draw_code_map, draw_side_by_side, map_codes, require_matplotlib
from priorkit.registry import Registry
from priorkit.runs import Run, load_run, load_run_data, save_picture
from priorkit.studies.plan import Request
from priorkit.studies.results import Results, Row

__all__ = ["check_pictures", "draw_study"]

_SAMPLES = 64
_ROWS = 10
_MOST_COLUMNS = 10
_CODES = 1000


def check_pictures(request: Request) -> None:
    """Makes sure that a study's pictures can be drawn, before hours of training.

    Raises:
        MissingExtraError: matplotlib is not installed, and the study draws maps of codes.
    """
    if "codes" in request.study.pictures:
        require_matplotlib("maps of codes")


def draw_study(request: Request, results: Results, registry: Registry) -> None:
    """Draws every system's first complete run.

    `samples.png` has samples of all of them side by side. Where the study's figure shows more, `SYSTEM-classes.png` is
    a grid whose columns share s and whose rows share the noise, and `SYSTEM-codes.png` shows the codes of prior and
    encoder.

    Raises:
        PriorkitError: A run or its data cannot be loaded, or the folder cannot be written.
    """
    device = str(request.common.get("device", "auto"))
    grids = []
    for row in results.rows:
        if not row.complete:
            continue
        run = load_run(row.complete[0].path, device=device, registry=registry)
        grids.append((_caption(results, row, run), to_uint8(run.sample(_SAMPLES)).cpu()))
        for kind in request.study.pictures:
            out = request.out / f"{row.system.name}-{kind}.png"
            if kind == "classes":
                count = min(_MOST_COLUMNS, len(run.class_names))
                conditions = run.model.class_conditions(torch.arange(count))
                picture = draw_class_figure(run.model, conditions, _ROWS, captions=run.class_names[:count])
            else:
                data = load_run_data(run, _data_dir(request), registry=registry)
                codes = map_codes(run.model, data.test, _CODES, shown_as=run.as_trained_on)
                picture = draw_code_map(codes, run.class_names, data.class_names)
            save_picture(picture, out, overwrite=True)
    if grids:
        save_picture(draw_side_by_side(grids), request.out / "samples.png", overwrite=True)


def _data_dir(request: Request) -> Path | None:
    """Where the data lies now, if the request says so."""
    return Path(request.common["data_dir"]) if request.common.get("data_dir") else None


def _caption(results: Results, row: Row, run: Run) -> str:
    measure = f"{results.study.measure} " if results.study.measure and row.system.score is not None else ""
    data = "" if results.dataset in results.study.data else f", on {', '.join(results.study.data)}"
    paper = f"\npaper{data}: {measure}{row.paper}" if row.paper else ""
    return f"{row.system.title}, {'x'.join(map(str, run.config.code_shape))}-D code{paper}"
