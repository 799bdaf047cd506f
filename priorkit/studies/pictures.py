"""Draws the pictures of a study: samples of all systems side by side, and the study's figure for each system."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from priorkit.data import to_uint8
from priorkit.errors import ConfigurationError
from priorkit.figures import (
    draw_class_figure,
    draw_code_map,
    draw_side_by_side,
    draw_texts,
    map_codes,
    require_matplotlib,
    spelled_out,
)
from priorkit.interfaces import Captions
from priorkit.registry import Registry, bare_name
from priorkit.runs import Run, load_run, load_run_data, save_picture, unread_notes
from priorkit.studies.plan import Request
from priorkit.studies.results import Results, Row

__all__ = ["check_pictures", "draw_study"]

_SAMPLES = 64
_ROWS = 10
_MOST_COLUMNS = 10
_CODES = 1000
_OF_EACH_TEXT = 16
_HELD_OUT_TEXTS = 4


def check_pictures(request: Request) -> None:
    """Checks, before hours of training, that a study's pictures can be drawn.

    Raises:
        MissingExtraError: matplotlib is not installed, and the study draws maps of codes.
        ConfigurationError: Texts are given, but the study draws none; or the study needs a text, and none is given.
    """
    _check_texts(request)
    if "codes" in request.study.pictures:
        require_matplotlib("maps of codes")


def draw_study(request: Request, results: Results, registry: Registry, note: Callable[[str], None]) -> None:
    """Draws the first complete run of every system.

    `samples.png` shows samples of all systems side by side. Depending on the study's figure, `SYSTEM-classes.png` is a
    grid whose columns share s and whose rows share the noise; `SYSTEM-codes.png` shows the codes of prior and encoder;
    `SYSTEM-texts.png` shows samples of texts; and `SYSTEM-sweep.png` shows samples of one text's alternatives.

    Args:
        request: The request for the study.
        results: The study's results.
        registry: Where components come from.
        note: Called with a message for each text that is left out because a run's text encoder knows no word of it, and
            for each text with unknown words.

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
            picture = _picture(kind, request, run, registry, _with_name(note, out.name))
            if picture is not None:
                save_picture(picture, out, overwrite=True)
    if grids:
        save_picture(draw_side_by_side(grids), request.out / "samples.png", overwrite=True)


def _picture(
    kind: str, request: Request, run: Run, registry: Registry, note: Callable[[str], None]
) -> Image.Image | None:
    """One picture of a system; None if the text encoder knows no word of any of its texts."""
    if kind == "classes":
        count = min(_MOST_COLUMNS, len(run.class_names))
        conditions = run.model.class_conditions(torch.arange(count))
        return draw_class_figure(run.model, conditions, _ROWS, captions=run.class_names[:count])
    if kind == "sweep":
        [pattern] = _texts(request)
        columns = spelled_out(pattern)
        texts = _readable(request, run, [text for _, text in columns], note)
        if not texts:
            return None
        captions = [told for told, text in columns if text in texts]
        return draw_class_figure(run.model, run.model.text_conditions(texts), _ROWS, captions=captions)
    if kind == "texts":
        wanted = _texts(request)
        if not wanted:
            data = load_run_data(run, _data_dir(request), registry=registry)
            wanted = _held_out_texts(data.test.captions)
        texts = _readable(request, run, wanted, note)
        return draw_texts(_samples_of_texts(run, texts), texts) if texts else None
    data = load_run_data(run, _data_dir(request), registry=registry)
    codes = map_codes(run.model, data.test, _CODES, shown_as=run.as_trained_on)
    return draw_code_map(codes, run.class_names, data.class_names)


def _readable(request: Request, run: Run, texts: Sequence[str], note: Callable[[str], None]) -> list[str]:
    """The texts with a word that the run knows. Others are only noted: after hours of training, nothing is refused."""
    read = []
    given = "--text: " if request.texts else ""
    for text in texts:
        try:
            run.model.text_conditions([text])
        except ConfigurationError as error:
            note(f"{given}{error}; it is left out")
            continue
        read.append(text)
        for unread in unread_notes(run, text):
            note(f"{given}{unread}")
    if not read:
        note("there is no text left to draw, so this picture is not drawn")
    return read


def _with_name(note: Callable[[str], None], name: str) -> Callable[[str], None]:
    return lambda message: note(f"{name}: {message}")


def _texts(request: Request) -> tuple[str, ...]:
    """The requested texts, or the study's texts for this data set; empty if there are none."""
    return request.texts or request.study.texts.get(bare_name(str(request.common.get("dataset", ""))), ())


def _check_texts(request: Request) -> None:
    study, texts = request.study, _texts(request)
    if request.texts and not study.draws_texts:
        raise ConfigurationError(f"--text: {study.name} draws no texts; leave it out")
    for text in request.texts:
        if not text.strip():
            raise ConfigurationError('--text is empty: say what to draw, such as --text "this flower is yellow"')
    if "sweep" not in study.pictures:
        return
    if len(texts) != 1:
        wrong = f"takes one --text, not {len(texts)}" if texts else "has no text for this data set"
        raise ConfigurationError(
            f"{study.name} {wrong}: give one, with alternatives in braces, such as --text 'the flower is {{pink, red}}'"
        )
    spelled_out(texts[0])


def _held_out_texts(captions: Captions | None) -> tuple[str, ...]:
    """A few distinct captions of held-out images."""
    assert captions is not None, "runs that are conditioned on captions have data with captions"
    return tuple(dict.fromkeys(of_image[0] for of_image in captions))[:_HELD_OUT_TEXTS]


def _samples_of_texts(run: Run, texts: Sequence[str]) -> Tensor:
    """Samples of each text from the same noise: uint8 (texts, N, C, H, W)."""
    images = to_uint8(run.model.sample_grid(run.model.text_conditions(texts), _OF_EACH_TEXT)).cpu()
    return images.reshape(_OF_EACH_TEXT, len(texts), *images.shape[1:]).transpose(0, 1)


def _data_dir(request: Request) -> Path | None:
    """The current place of the data, if the request gives it."""
    return Path(request.common["data_dir"]) if request.common.get("data_dir") else None


def _caption(results: Results, row: Row, run: Run) -> str:
    measure = f"{results.study.measure} " if results.study.measure and row.system.score is not None else ""
    data = "" if results.dataset in results.study.data else f", on {', '.join(results.study.data)}"
    paper = f"\npaper{data}: {measure}{row.paper}" if row.paper else ""
    return f"{row.system.title}, {'x'.join(map(str, run.config.code_shape))}-D code{paper}"
