from collections.abc import Callable

import pytest
import torch

from priorkit.exploring.condition_controls import condition_controls
from priorkit.runs import Run, load_run_data


def test_classes_without_training_images_are_not_offered(
    train_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_tiny("learned-supervised")
    classes = run.model.classes
    data = {**run.environment["data"], "class_counts": [0] + [5] * (classes - 1)}
    monkeypatch.setattr(run, "environment", {**run.environment, "data": data})
    found = condition_controls(run, None, (), 0)
    assert found is not None
    assert found.classes == run.class_names
    assert found.untrained == (0,)
    assert found.vectors is None


def test_a_prior_that_takes_no_condition_offers_none(train_tiny: Callable[..., Run]) -> None:
    assert condition_controls(train_tiny(), None, (), 0) is None


def test_captions_of_held_out_images_come_after_given_texts(text_run: Run) -> None:
    data = load_run_data(text_run)
    assert data.test.captions is not None
    found = condition_controls(text_run, data, ("row 2",), 0)
    assert found is not None
    assert found.kind == "texts"
    assert found.captions[0] == "row 2"
    assert set(found.captions[1:]) <= set(data.test.captions.distinct())
    assert found.vectors is not None
    torch.testing.assert_close(found.vectors, text_run.model.text_conditions(found.captions))


def test_without_data_a_run_of_texts_offers_vectors(text_run: Run) -> None:
    found = condition_controls(text_run, None, (), 0)
    assert found is not None
    assert found.kind == "vectors"
    assert found.captions[0] == "vector 1"
