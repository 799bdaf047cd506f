"""priorkit's own phases, in which a third party's component fails."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.engine.cuda_graphs import WARM_UP
from priorkit.errors import ConfigurationError, PluginError
from priorkit.interfaces import AdversarialLoss, ImageCritic, Posterior, ReconstructionLoss, Regularizer
from priorkit.plugins import Component
from priorkit.registry import Registry
from priorkit.training import Session

SessionOf = Callable[..., Session]


class Failing(ReconstructionLoss):
    """The mean squared error, but for one step."""

    def __init__(self, fail: Callable[[Tensor], Any], call: int = 4) -> None:
        super().__init__()
        self.fail, self.call = fail, call
        self.calls = 0

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Any:
        self.calls += 1
        error = (reconstruction - image).square()
        # The first call is the rehearsal.
        return self.fail(error) if self.calls == self.call else error.mean()


class NoTerms(Regularizer):
    needs_prior_code = False

    def __init__(self, term: Callable[[Posterior], Any]) -> None:
        super().__init__()
        self.term = term
        self.calls = 0

    def encoder_terms(self, posterior: Posterior, *_: Any, **__: Any) -> Mapping[str, Any]:
        self.calls += 1
        return {"distance": self.term(posterior) if self.calls == 4 else posterior.code.square().mean()}


@pytest.fixture
def session_of(
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Component[Any]],
    tiny_session: SessionOf,
) -> SessionOf:
    """A session whose loss or regularizer is the component `odd` of a plug-in."""

    def make(slot: str, build: Callable[[], Any], recipe: str = "aae") -> Session:
        registry = make_registry([(slot, make_component("odd", lambda _options, _context: build()))])
        return tiny_session(recipe, registry=registry, **{slot: "odd"})

    return make


def message_in_step_3(session: Session) -> str:
    session.step()
    session.step()
    with pytest.raises(PluginError) as caught:
        session.step()
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith("(it failed in step 3)")
    return text


def raising(error: Tensor) -> Tensor:
    raise RuntimeError("the weights\nhave gone")


@pytest.mark.parametrize(
    ("fail", "told"),
    [
        (raising, "has failed: RuntimeError: the weights have gone ("),
        (lambda error: error.view(3), "has failed: RuntimeError: shape '[3]' is invalid"),
        (lambda error: error.mean((1, 2, 3)), "gave a tensor of shape (6,) as the loss term 'reconstruction'"),
        (lambda error: None, "gave None as the loss term 'reconstruction', not a scalar tensor"),
        (lambda error: 0.5, "gave 0.5 as the loss term 'reconstruction', not a scalar tensor"),
    ],
    ids=["raises", "torch raises", "vector", "None", "number"],
)
def test_a_loss_that_fails_later(fail: Callable[[Tensor], Any], told: str, session_of: SessionOf) -> None:
    text = message_in_step_3(session_of("loss", lambda: Failing(fail)))
    assert text.startswith("--loss odd, in the phase 'autoencoder': its plug-in (priorkit-tests 1.0) ")
    assert told in text


def test_a_regularizer_that_fails_later(session_of: SessionOf) -> None:
    text = message_in_step_3(session_of("regularizer", lambda: NoTerms(lambda posterior: posterior.code)))
    assert text.startswith("--regularizer odd, in the phase 'autoencoder': ")
    assert "as the loss term 'distance', not a scalar tensor" in text


def test_terms_that_depend_on_nothing(session_of: SessionOf) -> None:
    def detached(error: Tensor) -> Tensor:
        return error.mean().detach()

    session = session_of("loss", lambda: Failing(detached))
    session.system.regularizer.encoder_terms = lambda *_, **__: {"code": torch.zeros(())}  # type: ignore[method-assign, union-attr]
    text = message_in_step_3(session)
    assert "--loss odd, in the phase 'autoencoder': " in text
    assert "gave loss terms ('reconstruction', 'code') that depend on no network" in text


def test_none_that_fails_where_it_is_used(session_of: SessionOf) -> None:
    class Silent(AdversarialLoss):
        calls = 0

        def real(self, logits: Tensor) -> Tensor:
            return logits.square().mean()

        def fake(self, logits: Tensor) -> Any:
            # The code critic and the image critic have one each, and call in turn.
            Silent.calls += 1
            return None if Silent.calls == 6 else logits.square().mean()

        def generator(self, logits: Tensor) -> Tensor:
            return logits.square().mean()

    session = session_of("adversarial_loss", Silent, recipe="learned")

    def train() -> None:
        for _ in range(6):
            session.step()

    with pytest.raises(PluginError) as caught:
        train()
    text = str(caught.value)
    assert text.startswith("--adversarial-loss odd, in the phase 'prior_improvement': its plug-in (")
    assert "gave None in the place of a tensor" in text
    assert "loss.fake" in text
    assert "it failed in step" in text


def test_priorkits_own_failures_are_no_plug_ins(session_of: SessionOf) -> None:
    session = session_of("loss", lambda: Failing(lambda error: error.mean()))
    session.step()
    assert session.system.encoder is not None
    # It has no line of any plug-in's.
    session.system.encoder.forward = math.sqrt  # type: ignore[assignment]
    with pytest.raises(TypeError):
        session.step()


def test_what_cannot_be_recorded_is_no_plug_ins_mistake(session_of: SessionOf) -> None:
    def waiting(error: Tensor) -> Tensor:
        raise RuntimeError("operation not permitted when stream is capturing")

    class Recorder:
        def warm_up(self, work: Callable[[], None]) -> None:
            work()

        def record(self, work: Callable[[], None]) -> Callable[[], None]:
            work()
            return work

    session = session_of("loss", lambda: Failing(waiting, WARM_UP + 2))
    session.engine.recorder = Recorder()  # type: ignore[assignment]
    told = r"^--cuda-graphs: the phase autoencoder cannot be recorded \(operation not permitted.*use --no-cuda-graphs"
    for _ in range(WARM_UP):
        session.step()
    with pytest.raises(ConfigurationError, match=told):
        session.step()
