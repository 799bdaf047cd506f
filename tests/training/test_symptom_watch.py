"""A training with a planted fault gives a warning; a training without one does not."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from priorkit.errors import NonFiniteLossError, TrainingWarning
from priorkit.training import NoticedSymptom, Observer, Session, Symptom, run_session, symptoms

STEPS = 40


class _Notes(Observer):
    def __init__(self) -> None:
        self.symptoms: list[NoticedSymptom] = []

    def noticed(self, session: Session, symptom: NoticedSymptom) -> None:
        self.symptoms.append(symptom)


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symptoms, "LASTING", STEPS // 2)


def _noticed(session: Session) -> set[tuple[Symptom, str]]:
    notes = _Notes()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run_session(session, [notes], lambda: None)
    lines = [str(item.message) for item in told if item.category is TrainingWarning]
    assert [line.partition(": ")[2] for line in lines] == [str(symptom) for symptom in notes.symptoms]
    found = [(symptom.symptom, symptom.of) for symptom in notes.symptoms]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.fixture
def session(tiny_session: Callable[..., Session]) -> Callable[..., Session]:
    def make(recipe: str, **changes: Any) -> Session:
        return tiny_session(recipe, **{"steps": STEPS, "log_every": 5, "sample_every": 10, **changes})

    return make


def _make_grey(decoder: torch.nn.Module) -> None:
    """Makes a decoder turn every code into the same grey image."""
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.zero_()


def _silence(network: torch.nn.Module) -> None:
    """Multiplies the outputs of a network's layers by 0, and thus their gradients."""
    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda module, inputs, output: output * 0)


@pytest.mark.parametrize("recipe", ["learned", "aae", "dcgan", "vq-vae"])
def test_trainings_without_a_fault_are_not_warned_of(recipe: str, session: Callable[..., Session]) -> None:
    assert _noticed(session(recipe)) == set()


def test_samples_that_are_all_alike(session: Callable[..., Session]) -> None:
    faulty = session("vae", average=0, learning_rates={"decoder": 1e-12})
    _make_grey(faulty.system.decoder)
    assert {Symptom.ALIKE_SAMPLES, Symptom.REPEATED_SAMPLES} <= {symptom for symptom, _ in _noticed(faulty)}


def test_posteriors_that_say_nothing(session: Callable[..., Session]) -> None:
    faulty = session("vae", average=0, regularizer={"weight": 1e3}, learning_rate=3e-3, steps=2 * STEPS)
    assert (Symptom.POSTERIOR_COLLAPSE, "") in _noticed(faulty)


def test_a_critic_that_never_errs(session: Callable[..., Session]) -> None:
    faulty = session("dcgan", adversarial_loss="hinge", learning_rates={"decoder": 1e-12})
    critic = faulty.system.image_critic
    assert critic is not None
    _make_grey(faulty.system.decoder)
    # The critic scores images that are not grey far above the margin, and grey images far below.
    critic.register_forward_hook(
        lambda module, inputs, logits: 0 * logits + 10 * (inputs[0].flatten(1).std(1) > 0.1).float() - 5
    )
    assert (Symptom.IDLE_CRITIC, "prior_improvement") in _noticed(faulty)


def test_a_critic_that_does_not_learn(session: Callable[..., Session]) -> None:
    faulty = session("aae")
    regularizer = faulty.system.regularizer
    assert regularizer is not None
    _silence(regularizer)
    assert (Symptom.STILL_NETWORK, "regularizer") in _noticed(faulty)


def test_weights_of_before_are_looked_at_after_a_rollback(session: Callable[..., Session]) -> None:
    from priorkit.training.symptom_watch import SymptomWatch

    notes, training = _Notes(), session("vae")
    watch = SymptomWatch([notes])
    watch.started(training)
    for _ in range(3):
        watch.reviewed(training, training.review())
        watch.rolled_back(training, NonFiniteLossError("diverged"))
    assert notes.symptoms == []
