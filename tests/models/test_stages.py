"""Stages of a run: which phases they have, and what is refused."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch, Learning, Move, Noise, Phase, Prior, System
from priorkit.models.guarded_phase import GuardedPhase
from priorkit.plugins import Component
from priorkit.registry import Registry
from priorkit.training import Session

SessionOf = Callable[..., Session]


class Towards(Phase):
    """Moves the prior's mean towards codes."""

    def __init__(self, system: System, name: str, batch: Batch) -> None:
        self.system, self.name, self.batch = system, name, batch
        self.players = {"prior": ("prior",)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        prior = self.system.prior
        assert isinstance(prior, Centred)
        assert images.ndim == (4 if self.batch is Batch.IMAGES else 2)
        yield Move("prior", {"distance": (prior.mean - images.flatten(1).mean()).square().sum()})


class Centred(Prior):
    """A normal distribution whose mean learns in phases that it brings."""

    learning = Learning.PHASES

    def __init__(self, code_dim: int, batches: Sequence[tuple[str, Batch]]) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.mean = torch.nn.Parameter(torch.zeros(code_dim))
        self.batches = batches

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + noise

    def phases(self, system: System) -> Sequence[Phase]:
        return [Towards(system, name, batch) for name, batch in self.batches]


@pytest.fixture
def bringing(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]], tiny_session: SessionOf
) -> SessionOf:
    """Makes a session of `aae` with pixels, whose prior brings phases that take images or codes."""

    def make(*batches: tuple[str, Batch], **changes: Any) -> Session:
        component = make_component("centred", lambda options, context: Centred(context.code_dim, batches))
        registry = make_registry([("prior", component)])
        return tiny_session("aae", registry, **{"prior": "centred", "loss": "pixel", **changes})

    return make


def names(session: Session) -> list[list[str]]:
    return [[phase.name for phase in stage.phases] for stage in session.system.stages]


def test_a_run_without_stages_has_one_with_every_phase_that_takes_images(bringing: SessionOf) -> None:
    session = bringing(("towards", Batch.IMAGES))
    assert names(session) == [["autoencoder", "towards"]]
    assert session.system.stages[0].ends is None


def test_a_stage_has_the_phases_that_it_names_in_that_order(bringing: SessionOf) -> None:
    session = bringing(
        ("towards", Batch.IMAGES), ("fit_mean", Batch.CODES), stages="towards+autoencoder:2,all:1,fit-mean:3"
    )
    assert names(session) == [["towards", "autoencoder"], ["autoencoder", "towards"], ["fit_mean"]]
    assert [(stage.begins, stage.ends) for stage in session.system.stages] == [(0, 2), (2, 3), (3, None)]
    assert [stage.batch for stage in session.system.stages] == [Batch.IMAGES, Batch.IMAGES, Batch.CODES]


def test_a_component_stands_for_its_phases(bringing: SessionOf) -> None:
    session = bringing(("one", Batch.CODES), ("two", Batch.CODES), stages="autoencoder:2,centred:3")
    assert names(session) == [["autoencoder"], ["one", "two"]]


def test_phases_of_third_parties_are_guarded(bringing: SessionOf) -> None:
    session = bringing(("towards", Batch.IMAGES))
    autoencoder, towards = session.system.stages[0].phases
    assert not isinstance(autoencoder, GuardedPhase)
    assert isinstance(towards, GuardedPhase)
    assert towards.batch is Batch.IMAGES


MISTAKES = [
    (
        [("towards", Batch.IMAGES)],
        {"stages": "autoencoder+toward:5"},
        r"--stages autoencoder\+toward: there is no phase 'toward'; did you mean 'towards'\?",
    ),
    (
        [("towards", Batch.IMAGES)],
        {"stages": "autoencoder:5"},
        "--prior centred: its phase 'towards' belongs to no stage; add towards to one of --stages autoencoder",
    ),
    (
        [("towards", Batch.CODES)],
        {},
        "its phase 'towards' takes codes of a frozen encoder, so it needs a stage of its own: --stages all",
    ),
    (
        [("towards", Batch.CODES)],
        {"stages": "autoencoder+towards:5"},
        r"--stages autoencoder\+towards: its phase 'autoencoder' takes images, and 'towards' takes codes",
    ),
    (
        [("towards", Batch.CODES)],
        {"stages": "towards:2,autoencoder:3"},
        "--stages towards:2,autoencoder: stage 1 takes codes, but no earlier stage trains the encoder",
    ),
]


@pytest.mark.parametrize(("batches", "changes", "told"), MISTAKES)
def test_stages_that_cannot_be_are_refused(
    batches: list[tuple[str, Batch]], changes: dict[str, Any], told: str, bringing: SessionOf
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        bringing(*batches, **changes)
    assert "\n" not in str(caught.value)


OTHERS = [
    (
        "aae",
        {"phases": "code-matching"},
        "no phase of this run trains the encoder: its phases are none; add autoencoder",
    ),
    (
        "learned",
        {"phases": "autoencoder"},
        "--prior learned: no phase of this run trains it: its phases are autoencoder; add prior-improvement to",
    ),
    (
        "aae",
        {"phases": "autoencoder", "loss": "perceptual"},
        "no phase of this run trains the image discriminator: its phases are autoencoder; add prior-improvement",
    ),
    ("dcgan", {"stages": "prior-improvement:2,code-fitting:2"}, "--phases code-fitting: there is no encoder"),
    (
        "aae",
        {"prior": "full-gaussian"},
        "--prior full-gaussian: it is fitted to the codes of a trained autoencoder; give it a stage after",
    ),
    (
        "aae",
        {"prior": "full-gaussian", "stages": "autoencoder:2,code-fitting:2,autoencoder:2"},
        "'code_fitting' takes all codes at once, so its stage has one step: write code-fitting:1",
    ),
    (
        "vae",
        {"prior": "flow", "regularizer": "none"},
        "--regularizer none: trains nothing, but FlowPrior learns by likelihood; .*--stages all",
    ),
    ("aae", {"phases": "autoencoder,code-fitting", "prior": "flow-matching"}, "needs a stage of its own"),
    (
        "aae",
        {"stages": "autoencoder:2,code-fitting:2"},
        "the phase 'code-fitting' has nothing to train in this system, whose --prior gaussian learns by 'fixed'",
    ),
    (
        "aae",
        {"stages": "autoencodr:2,code-fitting:2", "prior": "flow-matching"},
        "there is no phase 'autoencodr'; did you mean 'autoencoder'?",
    ),
    (
        "aae",
        {"condition": "labels", "prior": "flow-matching", "stages": "autoencoder:2,code-fitting:2"},
        "no phase of this run trains the .*, or use --condition.recovery none",
    ),
]


@pytest.mark.parametrize(("recipe", "changes", "told"), OTHERS)
def test_systems_that_their_phases_do_not_train_are_refused(
    recipe: str, changes: dict[str, Any], told: str, tiny_session: SessionOf
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        tiny_session(recipe, **changes)
    assert "\n" not in str(caught.value)


def test_a_prior_of_classes_is_fitted_in_a_stage(tiny_session: SessionOf) -> None:
    condition = {"name": "labels", "recovery": "none"}
    session = tiny_session(
        "aae", condition=condition, prior="flow-matching", regularizer="none", stages="autoencoder:1,code-fitting:2"
    )
    while not session.finished():
        session.step()
    assert session.system.image_critic is None
    assert session.model.sample(3).shape == (3, 1, 16, 16)


def test_a_prior_that_learns_by_likelihood_must_have_a_density_before_anything_is_trained(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]], tiny_session: SessionOf
) -> None:
    def build(options: Any, context: Any) -> Centred:
        prior = Centred(context.code_dim, ())
        prior.learning = Learning.LIKELIHOOD
        return prior

    registry = make_registry([("prior", make_component("centred", build))])
    changes = {"prior": "centred", "regularizer": "none", "stages": "autoencoder:1,code-fitting:2"}
    with pytest.raises(ConfigurationError, match="--prior centred: it learns by likelihood, but has no density"):
        tiny_session("aae", registry, **changes)


def test_a_mixture_of_classes_is_fitted_by_likelihood_in_a_stage(tiny_session: SessionOf) -> None:
    session = tiny_session(
        "aae",
        condition={"name": "labels", "recovery": "none"},
        prior={"name": "mixture", "learned": True},
        regularizer="none",
        stages="autoencoder:1,code-fitting:1",
    )
    while not session.finished():
        session.step()
    assert "code_fitting/codes" in session.engine.losses(reset=False)
