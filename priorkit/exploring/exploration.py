"""What a page shows of one run: codes, networks, sliders and choices, samples, the diagnosis."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from priorkit.data import to_uint8
from priorkit.diagnosis import FEWEST_CODES, Diagnosis
from priorkit.engine import torch_defaults
from priorkit.errors import ConfigurationError, DataError, DataWarning
from priorkit.exploring.browser_networks import BrowserNetworks, Weights, networks_for_browsers
from priorkit.exploring.code_points import CodePoints, code_points
from priorkit.exploring.condition_controls import ConditionControls, condition_controls
from priorkit.exploring.noise_controls import NoiseControls, noise_controls
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
        noise: Sliders for the noise.
        condition: Choices of the condition; None where nothing conditions samples.
        samples: Samples for those whose browser runs no networks, uint8 (N, C, H, W).
        columns: How many of them stand in a row; in a run with classes, a column each.
        class_names: Names of the classes of `points`.
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
        texts: Texts to offer, which the run reads.
        weights: How the page holds weights.
        largest_weights: Bytes of weights beyond which `Weights.AUTO` rounds them.
        data_dir: Where the data lies now; if None, where it lay then, and a page without held-out images where it is
            gone.
        tell: Is told what is being done.

    Raises:
        ConfigurationError: `data_dir` holds other data.
        DataError: The data in `data_dir` is missing or broken.
        MissingExtraError: What writes ONNX files is not installed.
        RunFolderError: The run's codes are not finite numbers.
    """
    notes: list[str] = []
    data = _data(run, data_dir, notes, tell)
    tell("encoding held-out images and drawing codes")
    points = code_points(run, data, codes, seed)
    condition = condition_controls(run, data, texts, seed)
    captions = condition.captions if condition is not None and condition.kind == "texts" else ()
    networks = networks_for_browsers(run, weights, largest_weights, tell, captions=captions)
    notes += [f"{_MISSING[role]}: {why}" for role, why in networks.refused.items()]
    tell("trying what each number of the noise changes")
    noise = noise_controls(run.model, seed)
    samples, columns = _samples(run, condition, seed)
    points, names = _named_classes(run, data, points)
    found = _diagnosis(run, data, notes, seed, tell)
    return Exploration(run, points, networks, noise, condition, samples, columns, names, found, tuple(notes))


_MISSING = {
    "decoder": "Codes are not decoded here, and the page shows decoded pictures",
    "reconstruction": "Codes of held-out images are not decoded here",
    "prior": "The noise cannot be turned here",
    "rounding": "Weights are not rounded to float16",
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
        # The page may go to somebody else, whom paths of this machine do not concern.
        warnings.warn(f"the page shows no held-out images: {error}", DataWarning, stacklevel=2)
        notes.append(
            "The run's data could not be read where this page was made, so the map has the prior's codes alone."
        )
        return None
    if not len(data.test):
        notes.append("The run has no held-out images, so the map has codes of the prior alone.")
    return data


def _named_classes(run: Run, data: ImageData | None, points: CodePoints) -> tuple[CodePoints, tuple[str, ...]]:
    """Names for the classes of points; classes that the run has found by itself come after the labels of its data."""
    labels = tuple(data.class_names) if data is not None else ()
    condition = run.model.condition
    if not run.class_names or condition is None or condition.from_labels:
        return points, run.class_names or labels
    found = points.from_prior & (points.classes >= 0)
    return (
        replace(points, classes=points.classes + len(labels) * found),
        (*labels, *(f"found class {name}" for name in run.class_names)),
    )


def _samples(run: Run, condition: ConditionControls | None, seed: int) -> tuple[Tensor, int]:
    """Samples of all classes, a column each; or any samples, where there are no classes."""
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
        return diagnose(run, samples=_DIAGNOSED, seed=seed, data=data, called=run.path.resolve().name)
    except ConfigurationError as error:
        notes.append(f"The prior is not compared with the codes: {error}")
        return None
