"""Reviews: pictures and scores of a model."""

from collections.abc import Callable

import pytest
import torch

from priorkit.data.batches import to_float, to_uint8
from priorkit.models.held_out import energy_distance
from priorkit.training import Session
from priorkit.training.review import REVIEWED, review_model


@pytest.mark.parametrize("count", [1, 3, 40])
def test_a_review_shows_what_the_model_makes(count: int, tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("vae").model
    held_out = torch.randint(256, (count, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    review = review_model(model, held_out, seed=5)
    assert torch.equal(review.samples, to_uint8(model.sample(64, seed=5)))
    assert torch.equal(review.originals, held_out[:32])
    assert torch.equal(review.reconstructions, to_uint8(model.reconstruct(to_float(held_out)))[:32])
    assert ("sample_distance" in review.scores) == (count > 1)
    assert review.scores.keys() >= {"reconstruction_error"}


def test_a_review_of_many_images_draws_as_many_samples(
    tiny_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_session("vae").model
    drawn = []
    sample = model.sample
    monkeypatch.setattr(model, "sample", lambda n, seed: drawn.append(n) or sample(n, seed))
    for count in (2, 100, REVIEWED):
        review_model(model, torch.zeros(count, 1, 16, 16, dtype=torch.uint8), seed=0)
    assert drawn == [64, 100, REVIEWED]


@pytest.mark.parametrize(("classes", "columns"), [(2, 10), (3, 9), (4, 8), (5, 10), (7, 7), (10, 10)])
def test_columns_of_samples_share_a_class(classes: int, columns: int, tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("learned", condition={"name": "categorical", "classes": classes}).model
    held_out = torch.randint(256, (20, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    review = review_model(model, held_out, seed=5)
    assert review.columns == columns
    assert len(review.samples) == 8 * columns
    asked = model.class_conditions(torch.arange(8 * columns) % columns % classes)
    noise = model.noise(8 * columns // classes, 5).repeat_interleave(classes, 0)
    assert torch.equal(review.samples, to_uint8(model.decode(model.codes_of(noise, asked), from_prior=True)))
    # The score uses samples with classes drawn at random.
    assert review.scores["sample_distance"] == energy_distance(model.sample(64, seed=5), to_float(held_out))


def test_more_classes_than_columns_are_drawn_at_random(tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("learned", condition={"name": "categorical", "classes": 11}).model
    review = review_model(model, torch.zeros(2, 1, 16, 16, dtype=torch.uint8), seed=5)
    assert review.columns == 8
    assert torch.equal(review.samples, to_uint8(model.sample(64, seed=5)))
