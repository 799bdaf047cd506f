from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.config import RunConfig
from priorkit.data.fingerprints import data_fingerprint
from priorkit.errors import ConfigurationError, DataError
from priorkit.registry import Registry
from priorkit.runs import load_run, load_run_data, prepare_resumed, train


@pytest.mark.parametrize(("n", "value"), [(31, 0), (30, 1)])
def test_other_data_is_refused(
    n: int,
    value: int,
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    write_images: Callable[..., None],
) -> None:
    write_images(tmp_path / "images.npz", 30)
    config = run_config(dataset="npz", data_dir=str(tmp_path / "images.npz"), steps=2)
    train(config, tmp_path / "run", registry=registry)
    assert prepare_resumed(tmp_path / "run", {"steps": 3}, registry=registry).session.steps == 2
    write_images(tmp_path / "images.npz", n, value)
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    for attempt in (
        lambda: prepare_resumed(tmp_path / "run", {"steps": 3}, registry=registry),
        lambda: load_run_data(run, registry=registry),
    ):
        with pytest.raises(ConfigurationError, match="the data set is not the one that") as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_data_that_was_moved_can_be_named(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, write_images: Callable[..., None]
) -> None:
    old, new, other = (tmp_path / f"{name}.npz" for name in ("old", "new", "other"))
    write_images(old, 30)
    write_images(other, 30, value=1)
    train(run_config(dataset="npz", data_dir=str(old), steps=2), tmp_path / "run", registry=registry)
    old.rename(new)
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    with pytest.raises(DataError):
        load_run_data(run, registry=registry)
    with pytest.raises(ConfigurationError, match="--data-dir"):
        load_run_data(run, other, registry=registry)
    assert data_fingerprint(load_run_data(run, new, registry=registry)) == run.environment["data"]["fingerprint"]
    with pytest.raises(ConfigurationError, match="the data set is not the one that"):
        prepare_resumed(tmp_path / "run", {"steps": 3, "data_dir": other}, registry=registry)
    assert prepare_resumed(tmp_path / "run", {"steps": 3, "data_dir": new}, registry=registry).run().steps == 3
    # It lies there from now on.
    assert prepare_resumed(tmp_path / "run", {"steps": 4}, registry=registry).config.data_dir == new
