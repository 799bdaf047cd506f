"""Images per second of the recipe `learned`, against batch size, width and code size, in float32 and bfloat16.

One of the three varies at a time; the others keep priorkit's defaults. The two precisions of a row are timed in turns.
Images are noise, of 32x32 grey pixels.
"""

from collections.abc import Iterator
from typing import Any

from against_bare_loop import precisions
from benchmark import Benchmark, Settings
from paired import Comparison, Here, alternate
from priorkit.training import Session
from sessions import make_config, make_session, random_images
from table import Table

__all__ = ["BENCHMARKS"]

_DEFAULT = {"batch_size": 64, "width": 16, "code_dim": 64}
_VARIED: tuple[dict[str, int], ...] = (
    {},
    {"batch_size": 16},
    {"batch_size": 256},
    {"width": 8},
    {"width": 32},
    {"code_dim": 16},
    {"code_dim": 256},
)
_IMAGES = 1024
_TURNS = 5
_IMAGES_A_TURN = 256


def _session(chosen: dict[str, int], precision: str) -> Session:
    settings: dict[str, Any] = {
        "precision": precision,
        "batch_size": chosen["batch_size"],
        "code_dim": chosen["code_dim"],
        "networks": {"width": chosen["width"]},
    }
    return make_session(make_config("learned", settings), random_images(_IMAGES))


def _contender(chosen: dict[str, int], precision: str) -> Here:
    session = _session(chosen, precision)
    steps = _IMAGES_A_TURN // chosen["batch_size"]

    def turn() -> None:
        for _ in range(steps):
            session.step()

    return Here(precision, turn)


def _run(settings: Settings) -> Iterator[Table]:
    columns = ["batch size", "width", "code size", "float32 images/s"]
    low = precisions()[-1]
    rows: list[list[str | float]] = []
    for changed in _VARIED:
        chosen = _DEFAULT | changed
        pair = (_contender(chosen, low), _contender(chosen, "float32"))
        seconds = alternate(*pair, repeats=settings.turns(_TURNS))
        result = Comparison("", (low, "float32"), seconds, work=_IMAGES_A_TURN)
        rates = [result.work / median for median in result.medians]
        row: list[str | float] = [*chosen.values(), rates[1]]
        rows.append([*row, rates[0], result.ratio] if low != "float32" else row)
    if low != "float32":
        columns += [f"{low} images/s", "ratio"]
    yield Table("training of the recipe learned, 32x32 grey", columns, rows)


BENCHMARKS = [
    Benchmark("throughput", "images/s of the recipe learned, by batch size, width, code size and precision", _run)
]
