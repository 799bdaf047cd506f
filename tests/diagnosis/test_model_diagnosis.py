"""A model's prior beside its codes."""

from collections.abc import Callable

import torch

from priorkit.diagnosis import diagnose_model, draw_diagnosis
from priorkit.training import Session


def test_codes_are_draws_of_the_prior_and_of_posteriors(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", dataset={"train": 40, "test": 24})
    model, data = session.model, session.data
    diagnosis = diagnose_model(model, data, seed=3)
    assert diagnosis.codes.prior.shape == (40, 4)
    assert diagnosis.codes.held_out.shape == (24, 4)
    assert diagnosis.codes.training.shape == (40, 4)
    torch.testing.assert_close(diagnosis.codes.prior, model.codes(40, 3).cpu())
    # Draws, and not means.
    assert not torch.allclose(diagnosis.codes.held_out, model.encode(data.test.first(24).float() / 127.5 - 1).cpu())
    assert diagnosis.farthest is not None
    assert diagnosis.nearest is not None
    assert diagnosis.farthest.shape == diagnosis.nearest.shape == (8, 1, 16, 16)
    again = diagnose_model(model, data, seed=3)
    assert again.as_data() == diagnosis.as_data()
    picture = draw_diagnosis(diagnosis)
    assert picture.width == 1200
    assert len(picture.getcolors(1 << 24) or ()) > 20


def test_a_prior_far_away_is_found(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", dataset={"train": 60, "test": 60}, prior={"name": "gaussian", "mean": 20.0})
    diagnosis = diagnose_model(session.model, session.data)
    assert diagnosis.findings[0].fault.value == "shift"
    assert diagnosis.comparison.told_apart == 1.0


def test_a_diagnosis_is_printed_in_words(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", dataset={"train": 60, "test": 60})
    diagnosis = diagnose_model(session.model, session.data)
    assert str(diagnosis).splitlines() == [f"{item.sentence} {item.advice}" for item in diagnosis.findings]
    assert "tensor" not in repr(diagnosis)
