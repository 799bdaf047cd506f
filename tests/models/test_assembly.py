"""What components are told of the data when a system is built."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from priorkit.config import RunConfig
from priorkit.data import DataSummary
from priorkit.errors import ConfigurationError, PluginError
from priorkit.interfaces import Condition, ImageShape, Posterior, Prior, Recovery, Regularizer, TextEncoder
from priorkit.models import build_system
from priorkit.plugins import Component, ConditionContext, RegularizerContext
from priorkit.registry import Registry
from priorkit.training import Session


class MinibatchTotalCorrelation(Regularizer):
    """beta-TC-VAE's total correlation, by minibatch weighted sampling (Chen et al. 2018, Equation S5)."""

    needs_prior_code = False
    needs_whole_batch = True

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__()
        self.train_count = context.train_count

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        assert posterior.log_variance is not None
        code, mean, deviation = posterior.code, posterior.mean, (posterior.log_variance / 2).exp()
        # (N, N, code_dim): the density of each code under each image's posterior.
        densities = Normal(mean, deviation, validate_args=False).log_prob(code[:, None])  # type: ignore[no-untyped-call]
        weight = math.log(len(code) * self.train_count)
        joint = densities.sum(2).logsumexp(1) - weight
        single = (densities.logsumexp(1) - weight).sum(1)
        return {"total_correlation": (joint - single).mean()}


@pytest.fixture
def with_total_correlation(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]]
) -> Registry:
    def build(options: Any, context: RegularizerContext) -> Regularizer:
        return MinibatchTotalCorrelation(context)

    return make_registry([("regularizer", make_component("total-correlation", build))])


def total_correlation(regularizer: Regularizer | None, code: Tensor, mean: Tensor, log_variance: Tensor) -> float:
    assert regularizer is not None
    terms = regularizer.encoder_terms(Posterior(code, mean, log_variance), None, code[:0])  # type: ignore[arg-type]
    return terms["total_correlation"].item()


@pytest.mark.parametrize("train", [20, 37])
def test_the_number_of_training_images_reaches_regularizers(
    train: int, tiny_session: Callable[..., Session], with_total_correlation: Registry
) -> None:
    session = tiny_session(
        "vae",
        with_total_correlation,
        regularizer="total-correlation",
        dataset={"name": "tiny", "train": train},
    )
    # Where all posteriors are one, they weigh alike: of each of the densities 1 / train_count is left.
    code = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    found = total_correlation(session.system.regularizer, code, torch.zeros(6, 4), torch.zeros(6, 4))
    assert found == pytest.approx((4 - 1) * math.log(train), rel=1e-5)
    session.step()
    assert session.engine.losses(reset=False)["autoencoder/total_correlation"] != 0


def test_it_does_so_where_a_trained_run_is_loaded(
    tiny_config: Callable[..., RunConfig], with_total_correlation: Registry
) -> None:
    config = tiny_config("vae", with_total_correlation, regularizer="total-correlation")
    data = DataSummary(ImageShape(1, 16), train_count=50)
    system = build_system(config, with_total_correlation, data, trained=True)
    code = torch.zeros(2, 4)
    assert total_correlation(system.regularizer, code, code, code) == pytest.approx(3 * math.log(50), rel=1e-5)


class Described(Condition):
    """The vectors of two captions, one of which is drawn."""

    captions = ("a red bird", "a blue fish")
    recovery = Recovery.GENERATED

    def __init__(self, context: ConditionContext) -> None:
        super().__init__()
        assert context.text_encoder is not None
        self.encoder: TextEncoder = context.text_encoder()
        self.vocabulary = context.vocabulary
        self.dim = self.encoder.dim

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        drawn = torch.randint(2, (n,), generator=generator, device=device)
        with torch.no_grad():
            return self.encoder(self.encoder.tokens(self.captions).to(drawn.device))[drawn]

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        return (recovered - condition).square().mean()


@pytest.fixture
def with_captions(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]]
) -> Callable[..., Registry]:
    """A registry with a condition that reads captions, and perhaps more."""
    described = make_component("described", lambda options, context: Described(context))
    return lambda *more: make_registry([("condition", described), *more])


def test_a_condition_gets_the_text_encoder_and_the_vocabulary(
    with_captions: Callable[..., Registry], tiny_config: Callable[..., RunConfig]
) -> None:
    registry = with_captions()
    text_encoder = {"name": "gru", "dim": 7, "word_dim": 3}
    config = tiny_config("learned", registry, condition="described", text_encoder=text_encoder)
    words = ("a", "bird", "red")
    system = build_system(config, registry, DataSummary(ImageShape(1, 16), vocabulary=words))
    condition = system.condition
    assert isinstance(condition, Described)
    assert condition.vocabulary == words
    assert condition.encoder.unknown("a blue bird") == ("blue",)
    assert condition.draw(5).shape == (5, 7)
    assert {name for name in system.state() if name.startswith("condition/encoder.words")}


def test_what_a_text_encoder_refuses_is_told(
    with_captions: Callable[..., Registry], tiny_config: Callable[..., RunConfig]
) -> None:
    registry = with_captions()
    config = tiny_config("learned", registry, condition="described")
    with pytest.raises(ConfigurationError, match=r"^--text-encoder gru: .* use a data set with captions"):
        build_system(config, registry, DataSummary(ImageShape(1, 16)))


def test_what_is_no_text_encoder_is_the_plugins_mistake(
    with_captions: Callable[..., Registry],
    tiny_config: Callable[..., RunConfig],
    make_component: Callable[..., Component[Any]],
) -> None:
    registry = with_captions(("text_encoder", make_component("odd", lambda options, context: torch.nn.Identity())))
    config = tiny_config("learned", registry, condition="described", text_encoder="odd")
    with pytest.raises(PluginError, match=r"^--text-encoder odd: .* built a Identity, not a TextEncoder"):
        build_system(config, registry, DataSummary(ImageShape(1, 16)))


def test_a_run_trains_with_a_text_encoder(
    with_captions: Callable[..., Registry], tiny_session: Callable[..., Session]
) -> None:
    text_encoder = {"name": "char-cnn-rnn", "dim": 3, "channels": (2, 2, 2)}
    session = tiny_session("learned", with_captions(), condition="described", text_encoder=text_encoder)
    for _ in range(2):
        session.step()
    session.check_finite()
