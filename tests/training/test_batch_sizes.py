"""Batch sizes."""

from collections.abc import Callable

import pytest

from priorkit.config import RunConfig
from priorkit.distributed import Processes
from priorkit.errors import ConfigurationError
from priorkit.training.batch_sizes import fitting_batch_size, require_batch_sizes


@pytest.mark.parametrize(("synchronise", "least"), [(True, 4), (False, 8)])
def test_batches_too_small_to_share(synchronise: bool, least: int, tiny_config: Callable[..., RunConfig]) -> None:
    def config(batch_size: int) -> RunConfig:
        return tiny_config(batch_size=batch_size, synchronise_batch_norm=synchronise)

    require_batch_sizes(config(least), 100, Processes(0, 4))
    require_batch_sizes(config(2), 100, Processes())
    with pytest.raises(ConfigurationError, match=rf"too small for 4 processes.*at least --batch-size {least}"):
        require_batch_sizes(config(least - 1), 100, Processes(0, 4))


def test_batches_of_more_images_than_there_are(tiny_config: Callable[..., RunConfig]) -> None:
    with pytest.raises(ConfigurationError, match=r"--batch-size 9 is more than the 8 training images; use at most --b"):
        require_batch_sizes(tiny_config(batch_size=9), 8, Processes())
    stages = [{"phases": ["autoencoder"], "steps": 1}, {"phases": ["code-fitting"], "batch_size": 9}]
    config = tiny_config("aae", batch_size=4, prior="flow-matching", stages=stages)
    require_batch_sizes(config, 9, Processes())
    with pytest.raises(ConfigurationError, match="batch_size of stage 2: 9 is more than the 8 training images"):
        require_batch_sizes(config, 8, Processes())
    with pytest.raises(ConfigurationError, match="batch_size of stage 2: 9 is too small for 10 processes"):
        require_batch_sizes(config.model_copy(update={"batch_size": 50}), 100, Processes(0, 10))


@pytest.mark.parametrize(("images", "size"), [(2, 2), (3, 2), (36, 32), (63, 32), (64, 64), (1000, 64)])
def test_a_batch_that_nobody_chose_fits_the_images(images: int, size: int) -> None:
    assert fitting_batch_size(RunConfig(), images) == size
    assert fitting_batch_size(RunConfig(batch_size=64), images) == 64
