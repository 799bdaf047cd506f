import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.image import peak_signal_noise_ratio

from priorkit.errors import DataError, MissingExtraError
from priorkit.evaluation import peak_signal_to_noise, squared_error, structural_similarity
from priorkit.evaluation.image_distances import load_lpips
from priorkit.models.held_out import reconstruction_error


def pair(n: int, channels: int, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    image, noise = 2 * torch.rand(2, n, channels, size, size, generator=generator) - 1
    return (image + 0.3 * noise).clamp(-1, 1), image


@given(n=st.integers(1, 4), channels=st.sampled_from([1, 3]), size=st.integers(2, 9), seed=st.integers(0, 2**62))
def test_errors_of_pixels(n: int, channels: int, size: int, seed: int) -> None:
    made, image = pair(n, channels, size, seed)
    assert float(squared_error(made, image).mean()) == pytest.approx(reconstruction_error(made, image), rel=1e-5)
    expected = [float(peak_signal_noise_ratio(a, b, data_range=2.0)) for a, b in zip(made, image, strict=True)]
    assert peak_signal_to_noise(made, image).tolist() == pytest.approx(expected, rel=1e-4)


def test_known_errors() -> None:
    black, white = -torch.ones(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    assert squared_error(black, white).tolist() == [4, 4]
    assert peak_signal_to_noise(black, white).tolist() == [0, 0]
    assert peak_signal_to_noise(white, white).tolist() == [math.inf, math.inf]


def ssim_of(made: np.ndarray, image: np.ndarray) -> float:
    """Wang et al. 2004, Eq. 13, for one channel in [0, 255]."""

    def blur(item: np.ndarray) -> np.ndarray:
        return scipy.ndimage.gaussian_filter(item, 1.5, radius=5, mode="mirror")

    made, image = 127.5 * (made + 1), 127.5 * (image + 1)
    mean_x, mean_y = blur(made), blur(image)
    variance_x, variance_y = blur(made**2) - mean_x**2, blur(image**2) - mean_y**2
    covariance = blur(made * image) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((above / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))).mean())


@settings(max_examples=20)
@given(channels=st.sampled_from([1, 3]), seed=st.integers(0, 2**62))
def test_structural_similarity(channels: int, seed: int) -> None:
    made, image = pair(3, channels, 16, seed)
    expected = [
        np.mean([ssim_of(a[c].double().numpy(), b[c].double().numpy()) for c in range(channels)])
        for a, b in zip(made, image, strict=True)
    ]
    assert structural_similarity(made, image).tolist() == pytest.approx(expected, abs=1e-4)
    assert structural_similarity(image, image).tolist() == pytest.approx([1, 1, 1])


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchmetrics"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[evaluation\]'"):
        structural_similarity(*pair(1, 1, 16, 0))
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[evaluation\]'"):
        load_lpips(torch.device("cpu"), download=True)


def test_weights_that_are_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(DataError, match="--scores lpips downloads them"):
        load_lpips(torch.device("cpu"), download=False)

    def fail(*arguments: Any, **keywords: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(DataError, match=r"no route to host.*alexnet-owt-7be5be79.pth into '.*checkpoints'"):
        load_lpips(torch.device("cpu"), download=True)


@pytest.mark.filterwarnings("ignore")
def test_agrees_with_lpips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Both load the weights of AlexNet in the same way; random ones serve to compare what they compute.
    import torchvision

    lpips = pytest.importorskip("lpips")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = torchvision.models.alexnet(weights=None).state_dict()
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: weights)
    distance = load_lpips(torch.device("cpu"), download=True)
    theirs = lpips.LPIPS(net="alex", verbose=False)
    made, image = pair(3, 3, 32, 0)
    with torch.no_grad():
        expected = theirs(made, image).flatten()
    torch.testing.assert_close(distance(made, image), expected, rtol=1e-4, atol=1e-6)
    assert distance(image, image).tolist() == [0, 0, 0]
    grey = pair(2, 1, 32, 1)
    torch.testing.assert_close(distance(*grey), distance(*(item.repeat(1, 3, 1, 1) for item in grey)))
