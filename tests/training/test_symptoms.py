"""The first step of symptoms, and their messages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.training.symptoms import LASTING, NoticedSymptom, Symptom, SymptomHistory

ALIKE = {"sample_spread": 0.001}
FINE = {"sample_spread": 0.9}


@settings(deadline=None)
@given(
    looks=st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=40),
)
def test_a_symptom_is_told_once_when_it_has_lasted(looks: list[tuple[int, bool]]) -> None:
    history, step, since, told, expected = SymptomHistory(), 0, None, [], []
    for pause, there in looks:
        step += pause
        since = None if not there else step if since is None else since
        if since is not None and step - since >= LASTING and not expected:
            expected.append(step)
        if history.indicators(step, ALIKE if there else FINE):
            told.append(step)
    assert told == expected


def test_losses_say_what_has_been_since_the_last_look() -> None:
    history, losses = SymptomHistory(), {"improvement/critic_real": 1e-5, "improvement/critic_fake": -1e-4}
    assert history.losses(LASTING - 1, 0, losses) == []
    assert history.losses(LASTING, LASTING - 1, losses) == [NoticedSymptom(Symptom.IDLE_CRITIC, 1e-4, "improvement")]


@pytest.mark.parametrize(
    "losses",
    [
        {"p/critic_real": 0.0, "p/critic_fake": 0.01},
        {"p/critic_penalty": 0.0, "p/generator_fake": 0.0},
        {"p/reconstruction": 0.0},
        {},
    ],
)
def test_losses_of_others_are_no_symptom(losses: dict[str, float]) -> None:
    assert SymptomHistory().losses(10 * LASTING, 0, losses) == []


def test_a_phase_that_ends_takes_its_symptom_along() -> None:
    history, idle = SymptomHistory(), {"first/critic_real": 0.0}
    assert history.losses(LASTING - 1, 0, idle) == []
    assert history.losses(LASTING, LASTING - 1, {"second/codes": 1.0}) == []
    assert history.losses(LASTING + 1, LASTING, idle) == []


def test_kinds_of_looks_do_not_disturb_each_other() -> None:
    history = SymptomHistory()
    assert history.indicators(1, ALIKE) == []
    assert history.changes(2, 1, {"encoder": 1.0}) == []
    assert history.losses(3, 2, {"p/critic_real": 1.0}) == []
    assert history.indicators(1 + LASTING, ALIKE) == [NoticedSymptom(Symptom.ALIKE_SAMPLES, 0.001)]


def test_what_is_forgotten_must_last_anew() -> None:
    history = SymptomHistory()
    history.indicators(0, ALIKE)
    history.forget()
    assert history.indicators(LASTING, ALIKE) == []
    assert history.indicators(2 * LASTING, ALIKE) != []


@pytest.mark.parametrize("symptom", Symptom)
@pytest.mark.parametrize("of", ["", "prior_improvement", "a/b"])
def test_keys_tell_symptoms_apart(symptom: Symptom, of: str) -> None:
    noticed = NoticedSymptom(symptom, 0.25, of)
    assert NoticedSymptom.of_key(noticed.key, 0.25) == noticed
    sentence = str(noticed)
    assert "To try: " in sentence
    assert "{" not in sentence


def test_keys_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="headache"):
        NoticedSymptom.of_key("headache", 1.0)
