from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from priorkit.exploring.code_points import code_points, principal_plane
from priorkit.runs import Run, load_run_data


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_the_plane_is_that_of_the_principal_components(seed: int, dim: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(50, dim, generator=generator) * torch.arange(1, dim + 1) + 3
    expected = torch.from_numpy(PCA(2).fit_transform(vectors.numpy()))
    found = principal_plane(vectors).places(vectors)
    torch.testing.assert_close(found.abs(), expected.abs(), atol=1e-3, rtol=1e-3)


def test_a_line_has_a_second_axis_of_nothing() -> None:
    vectors = torch.arange(5.0)[:, None]
    places = principal_plane(vectors).places(vectors)
    assert places[:, 1].abs().max() == 0
    assert places[:, 0].tolist() == [-2, -1, 0, 1, 2]


def test_held_out_images_come_first(train_tiny: Callable[..., Run]) -> None:
    run = train_tiny("learned-supervised")
    data = load_run_data(run)
    found = code_points(run, data, 5, seed=0)
    held_out = int((~found.from_prior).sum())
    assert held_out == min(5, len(data.test))
    assert found.from_prior.tolist() == [False] * held_out + [True] * 5
    shown = data.test.spread_indices(held_out)
    assert data.test.labels is not None
    assert found.classes[:held_out].tolist() == data.test.labels[shown].tolist()
    conditioned = run.model.conditions(5, 0)[:, : run.model.classes].argmax(1)
    assert found.classes[held_out:].tolist() == conditioned.tolist()
    torch.testing.assert_close(found.codes[held_out:], run.model.codes(5, 0))
    assert all(places.shape == (held_out + 5, 2) for places in found.places.values())


def test_without_data_the_map_has_the_priors_codes(train_tiny: Callable[..., Run]) -> None:
    found = code_points(train_tiny(), None, 7, seed=1)
    assert found.from_prior.all()
    assert found.classes.tolist() == [-1] * 7


def test_indices_have_no_plane_of_their_own(train_tiny: Callable[..., Run]) -> None:
    found = code_points(train_tiny("vq-vae"), None, 6, seed=0)
    assert found.plane is None
    assert found.codes.dtype == torch.int64
    assert set(found.places) == {"principal axes", "t-SNE"}


@pytest.mark.parametrize("n", [2, 3])
def test_few_codes_have_places(train_tiny: Callable[..., Run], n: int) -> None:
    assert code_points(train_tiny(), None, n, seed=0).places["t-SNE"].isfinite().all()
