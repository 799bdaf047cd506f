"""What a page tells of one run: its codes, its networks, what can be turned, its curves and its diagnosis."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from priorkit.data import to_uint8
from priorkit.diagnosis import FEWEST_CODES, Diagnosis
from priorkit.engine import torch_defaults
from priorkit.errors import ConfigurationError, DataError
from priorkit.exploring.browser_networks import BrowserNetworks, Weights, networks_for_browsers
from priorkit.exploring.code_points import CodePoints, code_points
from priorkit.exploring.noise_controls import ConditionControls, NoiseControls, condition_controls, noise_controls
from priorkit.interfaces import ImageData
from priorkit.runs import Run, diagnose, load_run_data

__all__ = ["Exploration", "explore_run"]

_DIAGNOSED = 2000
"""Codes of each kind that are compared."""
_ROWS, _COLUMNS = 4, 8
_CLASS_COLUMNS = 10


@dataclass(frozen=True)
class Exploration:
    """All that a page tells of a run.

    Attributes:
        run: The run.
        points: Codes and their places.
        networks: What the browser runs.
        noise: What can be turned of the noise.
        condition: What can be chosen of the condition; None where nothing conditions samples.
        samples: Samples for those whose browser runs no networks, uint8 (N, C, H, W).
        columns: How many of them stand in a row; in a run with classes, a column each.
        class_names: Names of the classes of held-out images, or those that condition samples.
        diagnosis: What the prior lacks; None where it cannot be told.
        notes: What is missing on the page, and why.
    """

    run: Run
    points: CodePoints
    networks: BrowserNetworks
    noise: NoiseControls
    condition: ConditionControls | None
    samples: Tensor
    columns: int
    class_names: tuple[str, ...]
    diagnosis: Diagnosis | None
    notes: tuple[str, ...]


@torch_defaults()
def explore_run(
    run: Run,
    *,
    codes: int = 400,
    seed: int = 0,
    texts: tuple[str, ...] = (),
    weights: Weights = Weights.AUTO,
    largest_weights: int = 4_000_000,
    data_dir: Path | None = None,
    tell: Callable[[str], None] = lambda doing: None,
) -> Exploration:
    """Computes what a page tells of a run.

    Args:
        run: The run, on the CPU and in float32.
        codes: Codes of each kind on the map, at most.
        seed: Seed of all draws.
        texts: Texts to offer, of a run that reads texts.
        weights: How the page holds weights.
        largest_weights: Bytes of weights beyond which `Weights.AUTO` rounds them.
        data_dir: Where the data lies now; if None, where it lay then, and a page without held-out images where it is
            gone.
        tell: Is told what is being done.

    Raises:
        ConfigurationError: The run reads no texts, or `data_dir` holds other data.
        DataError: The data in `data_dir` is missing or broken.
        MissingExtraError: What writes ONNX files is not installed.
    """
    if texts:
        # Before minutes of work: all of them must be readable.
        run.model.text_conditions(texts)
    notes: list[str] = []
    data = _data(run, data_dir, notes, tell)
    tell("encoding held-out images and drawing codes")
    points = code_points(run, data, codes, seed)
    condition = condition_controls(run, data, texts, seed)
    reads = run.model.condition is not None and run.model.condition.reads_text
    captions = condition.captions if condition is not None and reads else ()
    networks = networks_for_browsers(run, weights, largest_weights, tell, captions=captions)
    notes += [f"{_MISSING[role]}: {why}" for role, why in networks.refused.items()]
    tell("trying what each number of the noise changes")
    noise = noise_controls(run.model, seed)
    samples, columns = _samples(run, condition, seed)
    names = run.class_names or (tuple(data.class_names) if data is not None else ())
    found = _diagnosis(run, data, notes, seed, tell)
    return Exploration(run, points, networks, noise, condition, samples, columns, names, found, tuple(notes))


_MISSING = {
    "decoder": "Codes are not decoded here, and the page shows decoded pictures",
    "reconstruction": "Codes of held-out images are not decoded here",
    "prior": "The noise cannot be turned here",
    "text": "Texts of your own are not read here, but only those that are listed",
}


def _data(run: Run, data_dir: Path | None, notes: list[str], tell: Callable[[str], None]) -> ImageData | None:
    if run.model.encoder is None:
        notes.append("The run has no encoder, so the map has codes of the prior alone.")
        return None
    tell("reading the data")
    try:
        data = load_run_data(run, data_dir)
    except (ConfigurationError, DataError) as error:
        if data_dir is not None:
            raise
        notes.append(f"The map has codes of the prior alone, as the run's data cannot be read: {error}")
        return None
    if not len(data.test):
        notes.append("The run has no held-out images, so the map has codes of the prior alone.")
    return data


def _samples(run: Run, condition: ConditionControls | None, seed: int) -> tuple[Tensor, int]:
    """Samples of all classes, a column each, or of whatever comes."""
    model = run.model
    if condition is not None and condition.classes:
        trained = [index for index in range(len(condition.classes)) if index not in condition.untrained]
        classes = torch.tensor(trained[:_CLASS_COLUMNS])
        images = model.sample_grid(model.class_conditions(classes), _ROWS, seed)
        return to_uint8(images).cpu(), len(classes)
    return to_uint8(model.sample(_ROWS * _COLUMNS, seed)).cpu(), _COLUMNS


def _diagnosis(
    run: Run, data: ImageData | None, notes: list[str], seed: int, tell: Callable[[str], None]
) -> Diagnosis | None:
    if data is None or min(len(data.test), len(data.train)) < FEWEST_CODES:
        return None
    tell("comparing the prior with the codes")
    try:
        return diagnose(run, samples=_DIAGNOSED, seed=seed, data=data)
    except ConfigurationError as error:
        notes.append(f"The prior is not compared with the codes: {error}")
        return None
