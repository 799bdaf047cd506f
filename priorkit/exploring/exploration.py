"""The contents of a page for one run: codes, networks, sliders and choices, samples, the diagnosis."""

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
"""Maximal number of codes of each kind to compare."""
_ROWS, _COLUMNS = 4, 8
_CLASS_COLUMNS = 10


@dataclass(frozen=True)
class Exploration:
    """The contents of a page for one run.

    Attributes:
        run: The run.
        points: Codes and their places on the map.
        networks: The networks that the browser runs.
        noise: Sliders for the noise.
        condition: Choices of the condition; None if the prior takes no condition.
        samples: Samples for browsers that cannot run networks, uint8 (N, C, H, W).
        columns: Number of samples in a row; in a run with classes, one column for each class.
        class_names: Names of the classes of `points`.
        diagnosis: The diagnosis of the prior; None if it is not possible.
        notes: Notes on missing parts of the page, with the reasons.
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
    """Computes the contents of a page for one run.

    Args:
        run: The run, on the CPU and in float32.
        codes: Maximal number of codes of each kind on the map.
        seed: Seed of all draws.
        texts: Texts to offer, which the run must be able to read.
        weights: The precision of the weights in the page.
        largest_weights: Size of the weights in bytes beyond which `Weights.AUTO` rounds them.
        data_dir: The current place of the data. If None, its place in training; if the data is no longer there, the
            page has no held-out images.
        tell: Called with a text before each part of the work.

    Raises:
        ConfigurationError: `data_dir` holds other data.
        DataError: The data in `data_dir` is missing or broken.
        MissingExtraError: The packages that write ONNX files are not installed.
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
    tell("measuring the effect of each number of the noise")
    noise = noise_controls(run.model, seed)
    samples, columns = _samples(run, condition, seed)
    points, names = _named_classes(run, data, points)
    found = _diagnosis(run, data, notes, seed, tell)
    return Exploration(run, points, networks, noise, condition, samples, columns, names, found, tuple(notes))


_MISSING = {
    "decoder": "This page cannot decode codes, and shows pictures that were decoded in advance",
    "reconstruction": "This page cannot decode codes of held-out images",
    "prior": "This page cannot change the noise",
    "rounding": "Weights are not rounded to float16",
    "text": "This page cannot read texts of your own, but only offers those in the list",
}


def _data(run: Run, data_dir: Path | None, notes: list[str], tell: Callable[[str], None]) -> ImageData | None:
    if run.model.encoder is None:
        notes.append("The run has no encoder, so the map shows only codes of the prior.")
        return None
    tell("reading the data")
    try:
        data = load_run_data(run, data_dir)
    except (ConfigurationError, DataError) as error:
        if data_dir is not None:
            raise
        # The page may be sent to others, who should not see paths of this machine.
        warnings.warn(f"the page shows no held-out images: {error}", DataWarning, stacklevel=2)
        notes.append(
            "The run's data could not be read when this page was made, so the map shows only codes of the prior."
        )
        return None
    if not len(data.test):
        notes.append("The run has no held-out images, so the map shows only codes of the prior.")
    return data


def _named_classes(run: Run, data: ImageData | None, points: CodePoints) -> tuple[CodePoints, tuple[str, ...]]:
    """Returns names for the classes of points; classes that the run found by itself come after the data's labels."""
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
    """Draws samples of all classes, one column for each; or any samples in a run without classes."""
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
        notes.append(f"The prior was not compared with the codes: {error}")
        return None
