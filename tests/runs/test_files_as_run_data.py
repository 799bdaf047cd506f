"""Files of the user's, read as the images that a run was trained on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.config import RunConfig
from priorkit.interfaces import ImageSet
from priorkit.registry import installed_plugins
from priorkit.runs import load_run, load_run_data, prepare
from priorkit.runs.run_data import read_as_run_data


def noise(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def digit_like(size: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """A grey image with a black border, which is padded with black."""
    image = np.zeros((size, size), dtype=np.uint8)
    image[4:-4, 4:-4] = noise(size - 8, size - 8, seed=seed)
    return image


@pytest.mark.parametrize(
    ("image", "settings"),
    [
        (lambda seed: digit_like(28, seed), {}),
        (lambda seed: noise(28, 28, seed=seed), {}),
        (lambda seed: noise(40, 60, 3, seed=seed), {}),
        (lambda seed: noise(150, 200, 3, seed=seed), {}),
        (lambda seed: noise(150, 200, 3, seed=seed), {"image_size": 32, "channels": 1}),
        (lambda seed: noise(40 + 7 * seed, 60, 3, seed=seed), {"image_size": 64}),
        (lambda seed: noise(20, 20, seed=seed), {"channels": 3}),
        (lambda seed: digit_like(28, seed).astype(np.uint16) * 16, {"dataset": {"range": [0, 4080]}}),
        (lambda seed: noise(28, 28, seed=seed), {"binarise": "threshold"}),
    ],
    ids=[
        "padded",
        "resized",
        "cropped",
        "reduced",
        "reduced and grey",
        "of several sizes",
        "repeated",
        "16 bits",
        "b/w",
    ],
)
def test_a_file_of_the_data_set_is_the_image_that_was_trained_on(
    tmp_path: Path, image: Callable[[int], np.ndarray[Any, Any]], settings: dict[str, Any]
) -> None:
    registry = installed_plugins()
    folder = tmp_path / "data"
    for part, numbers in (("train", range(3)), ("test", range(3, 6))):
        (folder / part).mkdir(parents=True)
        for number in numbers:
            Image.fromarray(image(number)).save(folder / part / f"{number}.png")
    dataset = {"name": "folder", **settings.pop("dataset", {})}
    config = RunConfig(
        dataset=dataset,
        data_dir=folder,
        networks={"name": "mlp", "hidden": 4},
        steps=1,
        batch_size=2,
        code_dim=2,
        device="cpu",
        loss="pixel",
        prior="gaussian",
        **settings,
    )
    prepare(config, tmp_path / "run", registry=registry).run()
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    expected = load_run_data(run, registry=registry).test
    assert isinstance(expected, ImageSet)
    # The data set need not be there any more.
    (tmp_path / "mine").mkdir()
    for number in range(3, 6):
        (folder / "test" / f"{number}.png").rename(tmp_path / "mine" / f"{number}.png")
    found = read_as_run_data(run, [tmp_path / "mine" / f"{number}.png" for number in range(3, 6)], registry=registry)
    assert torch.equal(found, run.as_trained_on(expected.first(3)))
