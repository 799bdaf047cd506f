"""What comes with the images of a run is recognised, too."""

from pathlib import Path

import pytest
import torch

from priorkit.data.fingerprints import captions_fingerprint, condition_fingerprint, describe_data
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Captions, ImageData, ImageSet
from priorkit.runs.recognised_data import require_same_data

PIXELS = torch.zeros(3, 1, 16, 16, dtype=torch.uint8)
RED = Captions([["a red flower"]] * 3)


def data(captions: Captions | None = None, labels: tuple[int, ...] = (0, 1, 1)) -> ImageData:
    train = ImageSet(PIXELS, torch.tensor(labels), captions=captions)
    return ImageData(train, ImageSet(PIXELS[:1]))


def remembered(of: ImageData, with_captions: bool = True) -> dict[str, object]:
    recorded = {**describe_data(of), "beside_fingerprint": condition_fingerprint(of)}
    return {"data": recorded | ({"captions_fingerprint": captions_fingerprint(of)} if with_captions else {})}


def test_other_captions_are_refused() -> None:
    environment = remembered(data(RED))
    require_same_data(data(RED), Path("run"), environment)
    for other in (None, Captions([["a blue flower"]] * 3)):
        with pytest.raises(ConfigurationError, match="the captions of the data set are not those that 'run'"):
            require_same_data(data(other), Path("run"), environment)
    with pytest.raises(ConfigurationError, match="the labels or embeddings of the data set"):
        require_same_data(data(RED, labels=(1, 0, 1)), Path("run"), environment)


def test_runs_that_knew_no_captions_go_on_with_them() -> None:
    for environment in (remembered(data(), with_captions=False), remembered(data())):
        require_same_data(data(RED), Path("run"), environment)
