from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from priorkit.data import to_float
from priorkit.errors import DataError
from priorkit.figures import draw_grid, draw_neighbours, nearest_images
from priorkit.figures.neighbours import _CHUNK
from priorkit.interfaces import ImageSet
from priorkit.training import Session


def random_images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (n, 1, 4, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 2 * _CHUNK + 9), count=st.integers(1, 6), seed=st.integers(0, 2**32))
def test_they_are_those_that_scikit_learn_finds(n: int, count: int, seed: int) -> None:
    among, images = ImageSet(random_images(n, seed)), to_float(random_images(3, seed + 1))
    found = nearest_images(images, among, count)
    flat = to_float(among.take(torch.arange(n))).flatten(1).double().numpy()
    reference = NearestNeighbors(n_neighbors=min(count, n)).fit(flat)
    distances, _ = reference.kneighbors(images.flatten(1).double().numpy())
    assert found.distances.shape == found.indices.shape == (3, min(count, n))
    # Root of the mean of 16 squares.
    assert np.allclose(found.distances, distances / 4, atol=1e-5)
    named = np.linalg.norm(flat[found.indices.numpy()] - images.flatten(1).numpy()[:, None], axis=2)
    assert np.allclose(named, distances, atol=1e-5)


def test_a_remembered_image_is_at_no_distance_also_of_those_that_are_streamed(kept_images: Any) -> None:
    pixels = random_images(600)
    kept = kept_images(pixels)
    found = nearest_images(to_float(pixels[[599, 3]]), ImageSet(kept), 2)
    assert found.indices[:, 0].tolist() == [599, 3]
    assert found.distances[:, 0].tolist() == [0, 0]
    assert (found.distances[:, 1] > 0).all()
    assert max(kept.reads) <= _CHUNK
    with pytest.raises(DataError, match="image 7 is broken"):
        nearest_images(to_float(pixels[:1]), ImageSet(kept_images(pixels, [7])), 1)


def test_features_may_be_compared_instead(tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("learned").model
    train = tiny_session("learned").data.train
    images = to_float(train.first(2))
    found = nearest_images(images, train, 3, model.critic_features)
    assert torch.allclose(found.distances[:, 0], torch.zeros(2), atol=1e-6)
    expected = model.critic_features(to_float(train.take(found.indices[0]))) - model.critic_features(images[:1])
    assert torch.allclose(found.distances[0], expected.square().mean(1).sqrt(), atol=1e-5)
    # Of brightness alone, as a feature that can be checked by eye.
    dark = ImageSet(torch.tensor([0, 100, 200], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 4, 4))
    by_mean = nearest_images(to_float(dark.first(1)), dark, 3, lambda images: images.mean((1, 2, 3))[:, None])
    assert by_mean.indices.tolist() == [[0, 1, 2]]
    assert torch.allclose(by_mean.distances, torch.tensor([[0.0, 100, 200]]) * 2 / 255)


def test_each_row_shows_an_image_and_its_neighbours() -> None:
    among = ImageSet(torch.randint(256, (9, 3, 64, 64), dtype=torch.uint8))
    images = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)
    figure = draw_neighbours(images, torch.tensor([[4, 0], [8, 4]]), among)
    rows = torch.stack([images[0], *among.take(torch.tensor([4, 0])), images[1], *among.take(torch.tensor([8, 4]))])
    grid = draw_grid(rows, 3)
    assert np.array_equal(np.asarray(figure)[figure.height - grid.height :], np.asarray(grid))
    assert figure.height > grid.height
