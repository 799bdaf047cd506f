"""Settings that the data of a new run decides."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from priorkit.config import RunConfig, resolve_config, validate_settings
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.registry import Registry
from priorkit.runs import prepare
from priorkit.runs.chosen_settings import is_chosen_for_data
from priorkit.sweeps.trial_job import refuse_other_run

SETTINGS = {
    "dataset": "folder",
    "networks": {"name": "mlp", "hidden": 8},
    "loss": "pixel",
    "prior": "gaussian",
    "code_dim": 4,
    "steps": 1,
    "device": "cpu",
    "precision": "float32",
}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    """Of a run on twelve images of two sizes, some of them grey."""
    folder, numbers = tmp_path / "images", np.random.default_rng(0)
    folder.mkdir()
    for index in range(12):
        shape = (40, 36) if index % 2 else (50, 70, 3)
        Image.fromarray(numbers.integers(256, size=shape, dtype=np.uint8)).save(folder / f"{index}.png")
    return {**SETTINGS, "data_dir": folder}


def test_the_run_keeps_what_was_chosen(settings: dict[str, object], tmp_path: Path, registry: Registry) -> None:
    run = prepare(validate_settings(settings), tmp_path / "run", registry=registry)
    assert (run.config.image_size, run.config.channels, run.config.batch_size) == (32, 3, 8)
    assert len(run.data.train) == 11
    assert sum("is chosen" in note for note in run.data.notes) == 3


def test_a_batch_that_was_asked_for_is_not_made_smaller(
    settings: dict[str, object], tmp_path: Path, registry: Registry
) -> None:
    with pytest.raises(ConfigurationError, match="--batch-size 64 is more than the 11 training images"):
        prepare(validate_settings({**settings, "batch_size": 64}), tmp_path / "run", registry=registry)
    run = prepare(validate_settings({**settings, "batch_size": 11}), tmp_path / "run", registry=registry)
    assert run.config.batch_size == 11


def test_nothing_is_chosen_where_the_data_leaves_nothing_open(tmp_path: Path, registry: Registry) -> None:
    run = prepare(validate_settings({**SETTINGS, "dataset": "digits"}), tmp_path / "run", registry=registry)
    assert (run.config.image_size, run.config.channels, run.config.batch_size) == (None, None, 64)
    assert not any("is chosen" in note for note in run.data.notes)


def test_what_is_open() -> None:
    assert all(is_chosen_for_data(key, RunConfig()) for key in ("image_size", "channels", "batch_size"))
    said = RunConfig(image_size=32, channels=1, batch_size=64)
    assert not any(is_chosen_for_data(key, said) for key in ("image_size", "channels", "batch_size"))
    assert not is_chosen_for_data("code_size", RunConfig())


def test_a_run_is_known_again_by_what_was_asked_for(
    settings: dict[str, object], tmp_path: Path, registry: Registry
) -> None:
    config = validate_settings(settings)
    prepare(config, tmp_path / "run", registry=registry).run()
    refuse_other_run(resolve_config(config, registry), tmp_path / "run", registry)
    other = validate_settings({**settings, "image_size": 64})
    with pytest.raises(RunFolderError, match="--image-size 32"):
        refuse_other_run(resolve_config(other, registry), tmp_path / "run", registry)
