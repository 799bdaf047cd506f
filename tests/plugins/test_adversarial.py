"""The regularizer `adversarial`."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from priorkit.errors import ConfigurationError
from priorkit.interfaces import (
    AdversarialLoss,
    ImageCritic,
    ImageShape,
    Learning,
    Networks,
    Posterior,
    Prior,
    Regularizer,
)
from priorkit.plugins import AdversarialLossContext, RegularizerContext
from priorkit.registry import installed_plugins
from priorkit.training import Session
from priorkit_plugins.adversarial import AdversarialOptions, priorkit_regularizers
from priorkit_plugins.adversarial.regularizer import AdversarialRegularizer


class CodeCriticOnly(Networks):
    """Offers a small code critic, and remembers for which codes."""

    def __init__(self) -> None:
        super().__init__(ImageShape(1, 16))
        self.asked: list[int] = []

    def encoder(self, outputs: int) -> nn.Module:
        raise AssertionError

    def decoder(self, code_dim: int) -> nn.Module:
        raise AssertionError

    def image_critic(self) -> ImageCritic:
        raise AssertionError

    def code_critic(self, code_dim: int) -> nn.Module:
        self.asked.append(code_dim)
        return nn.Sequential(nn.Linear(code_dim, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))


class NoPrior(Prior):
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        raise AssertionError

    def forward(self, noise: Tensor) -> Tensor:
        raise AssertionError


def cross_entropy() -> AdversarialLoss:
    component = installed_plugins().get("adversarial_loss", "non-saturating").component
    return component.build(component.options(), AdversarialLossContext())


def make(code_dim: int = 3, weight: float = 1.0, networks: Networks | None = None) -> Regularizer:
    (component,) = priorkit_regularizers()
    assert component.name == "adversarial"
    context = RegularizerContext(networks or CodeCriticOnly(), code_dim, cross_entropy())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return component.build(AdversarialOptions(weight=weight), context)


def codes(n: int, code_dim: int, seed: int) -> tuple[Tensor, Tensor]:
    code, prior_code = torch.randn(2, n, code_dim, generator=torch.Generator().manual_seed(seed))
    return code + 1, prior_code


def logits(regularizer: Regularizer, code: Tensor) -> Tensor:
    """D_C's, computed from its parameters alone."""
    first, bias, last, offset = regularizer.parameters()
    return (torch.tanh(code @ first.T + bias) @ last.T + offset).flatten()


def encoder_term(regularizer: Regularizer, code: Tensor, prior_code: Tensor) -> Tensor:
    terms = regularizer.encoder_terms(Posterior(code, code), NoPrior(), prior_code)
    assert list(terms) == ["regularization"]
    return terms["regularization"]


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 9), code_dim=st.integers(1, 9), weight=st.floats(0.01, 100), seed=st.integers(0, 2**63 - 1))
def test_the_terms_are_cross_entropies(n: int, code_dim: int, weight: float, seed: int) -> None:
    regularizer = make(code_dim, weight)
    code, prior_code = codes(n, code_dim, seed)
    data, real = logits(regularizer, code), logits(regularizer, prior_code)
    ones, zeros = torch.ones(n), torch.zeros(n)
    # Codes of the prior are the real ones (Eq. 5); the weight is the encoder's.
    terms = regularizer.critic_terms(code, prior_code)
    assert set(terms) == {"critic_real", "critic_fake"}
    torch.testing.assert_close(terms["critic_real"], binary_cross_entropy_with_logits(real, ones))
    torch.testing.assert_close(terms["critic_fake"], binary_cross_entropy_with_logits(data, zeros))
    expected = weight * binary_cross_entropy_with_logits(data, ones)
    torch.testing.assert_close(encoder_term(regularizer, code, prior_code), expected)


def test_the_critic_is_that_of_the_networks() -> None:
    networks = CodeCriticOnly()
    make(code_dim=7, networks=networks)
    assert networks.asked == [7]


def test_the_encoders_gradient_comes_through_its_code() -> None:
    regularizer = make()
    code, prior_code = codes(5, 3, 0)
    code.requires_grad_()
    prior_code.requires_grad_()
    encoder_term(regularizer, code, prior_code).backward()
    assert code.grad is not None
    assert (code.grad.abs().sum(1) > 0).all()
    assert prior_code.grad is None
    # A small step along it makes the codes look more like the prior's.
    before = logits(regularizer, code.detach())
    after = logits(regularizer, code.detach() - 0.1 * code.grad)
    assert (after > before).all()


def test_a_trained_critic_tells_codes_apart_and_the_encoder_mends_it() -> None:
    regularizer = make()
    code, prior_code = codes(200, 3, 0)
    optimizer = torch.optim.SGD(regularizer.parameters(), lr=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        sum(regularizer.critic_terms(code, prior_code).values()).backward()
        optimizer.step()
    with torch.no_grad():
        assert logits(regularizer, prior_code).mean() > logits(regularizer, code).mean() + 1
    shift = torch.zeros(3, requires_grad=True)
    for _ in range(20):
        (gradient,) = torch.autograd.grad(encoder_term(regularizer, code + shift, prior_code), shift)
        shift = (shift - 0.2 * gradient).detach().requires_grad_()
    # The codes lie one unit beside the prior's in every dimension; they move back.
    assert (shift < -0.1).all()


class SlopePenalty(AdversarialLoss):
    """Compares with what the critic says of the mixture itself, and refuses small critics."""

    has_penalty = True
    needs_whole_batch = True

    def check(self, critic: nn.Module) -> None:
        if len(list(critic.parameters())) < 4:
            raise ValueError("needs a larger critic")

    def real(self, logits: Tensor) -> Tensor:
        return logits.mean()

    fake = generator = real

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        return critic(torch.lerp(fake, real, mixing[:, None])).mean()


def test_a_penalty_stands_beside_the_terms() -> None:
    regularizer = make()
    assert not regularizer.needs_mixing
    assert not regularizer.needs_whole_batch
    penalised = AdversarialRegularizer(regularizer.critic, SlopePenalty())  # type: ignore[arg-type]
    assert penalised.needs_mixing
    assert penalised.needs_whole_batch
    code, prior_code = codes(5, 3, 0)
    mixing = torch.rand(5, generator=torch.Generator().manual_seed(1))
    terms = penalised.critic_terms(code, prior_code, mixing=mixing)
    assert list(terms) == ["critic_real", "critic_fake", "critic_penalty"]
    mixed = mixing[:, None] * prior_code + (1 - mixing[:, None]) * code
    torch.testing.assert_close(terms["critic_penalty"], logits(regularizer, mixed).mean())


def test_a_penalty_sees_the_condition_too() -> None:
    critic = nn.Sequential(nn.Linear(5, 1), nn.Flatten(0))
    penalised = AdversarialRegularizer(critic, SlopePenalty(), condition_dim=2)
    code, prior_code = codes(4, 3, 0)
    condition, mixing = torch.eye(2).repeat(2, 1), torch.full((4,), 0.25)
    terms = penalised.critic_terms(code, prior_code, condition, mixing)
    mixed = torch.cat([0.25 * prior_code + 0.75 * code, condition], dim=1)
    torch.testing.assert_close(terms["critic_penalty"], critic(mixed).mean())


def test_the_loss_may_refuse_the_critic() -> None:
    with pytest.raises(ValueError, match="its adversarial loss needs a larger critic"):
        AdversarialRegularizer(nn.Linear(3, 1), SlopePenalty()).check(None, NoPrior())  # type: ignore[arg-type]


@pytest.mark.parametrize("learning", [Learning.FIXED, Learning.ADVERSARIAL])
def test_every_encoder_and_prior_that_needs_no_density_will_do(learning: Learning) -> None:
    prior = NoPrior()
    prior.learning = learning
    make().check(None, prior)  # type: ignore[arg-type]


def test_priors_that_learn_by_likelihood_are_refused() -> None:
    prior = NoPrior()
    prior.learning = Learning.LIKELIHOOD
    with pytest.raises(ValueError, match="by which NoPrior learns; use --regularizer kl") as error:
        make().check(None, prior)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{"weight": 0}, {"weight": -1}, {"weight": "nan"}, {"critic": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AdversarialOptions.model_validate(options)


def test_a_penalty_holds_down_the_slope_in_the_code_alone() -> None:
    (component,) = [
        item.component
        for item in installed_plugins().components("adversarial_loss")
        if item.component.name == "wasserstein-gp"
    ]
    loss = component.build(component.options(), AdversarialLossContext())
    critic = nn.Sequential(nn.Linear(5, 1), nn.Flatten(0))
    with torch.no_grad():
        # Of length 1 in the three dimensions of the code, and steep in those of s.
        critic[0].weight.copy_(torch.tensor([[0.6, 0.0, 0.8, 3.0, -3.0]]))
    penalised = AdversarialRegularizer(critic, loss, condition_dim=2)
    code, prior_code = codes(4, 3, 0)
    terms = penalised.critic_terms(code, prior_code, torch.eye(2).repeat(2, 1), torch.full((4,), 0.25))
    torch.testing.assert_close(terms["critic_penalty"], torch.tensor(0.0), rtol=0, atol=1e-5)


class MovableNormal(Prior):
    """Standard normal codes around a mean that learns adversarially."""

    learning = Learning.ADVERSARIAL

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.mean = nn.Parameter(torch.zeros(code_dim))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + noise


def system_of(prior: Prior, encoder: Any = None) -> Any:
    return SimpleNamespace(
        prior=prior, encoder=encoder, condition=None, prior_codes=prior, condition_loss=lambda condition: None
    )


@pytest.mark.parametrize("name", ["non-saturating", "least-squares", "hinge", "wasserstein-gp"])
def test_a_prior_that_fools_the_code_critic_makes_codes_like_the_datas(name: str) -> None:
    """The critic tells codes by their sum, and the data's are larger: the prior's mean rises."""
    component = installed_plugins().get("adversarial_loss", name).component
    loss = component.build(component.options(), AdversarialLossContext())
    critic = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    with torch.no_grad():
        critic[0].weight.fill_(-0.5)  # large codes look fake
        critic[0].bias.fill_(1.0)
    prior = MovableNormal(2)
    regularizer = AdversarialRegularizer(critic, loss, prior_weight=2.0)
    (phase,) = regularizer.phases(system_of(prior))
    noise = phase.noise(64, torch.Generator().manual_seed(0), torch.device("cpu"))
    (move,) = phase.moves(torch.zeros(64, 1, 4, 4), noise)
    assert move.player == "prior"
    torch.testing.assert_close(move.terms["prior"], 2 * loss.fake(critic(prior(noise["prior"]))))
    (gradient,) = torch.autograd.grad(move.terms["prior"], prior.mean)
    assert bool((gradient < 0).all())


def test_only_a_prior_that_learns_adversarially_can_fool_the_code_critic() -> None:
    prior = MovableNormal(2)
    prior.learning = Learning.CODES
    regularizer = AdversarialRegularizer(nn.Linear(2, 1), None, prior_weight=1.0)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"MovableNormal does not; use --prior learned, or --regularizer.prior-weight 0"
    ):
        regularizer.phases(system_of(prior))
    assert AdversarialRegularizer(nn.Linear(2, 1), None).phases(system_of(prior)) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"condition": {"name": "labels", "recovery": "none"}},
        {"encoder": "gaussian", "precision": "bfloat16"},
    ],
)
def test_arae_has_no_image_discriminator(changes: dict[str, Any], tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("arae", **changes)
    assert session.system.image_critic is None
    assert set(session.system.trained()) == {"encoder", "decoder", "prior", "regularizer"}
    before = {name: value.clone() for name, value in session.system.prior.named_parameters()}
    session.step()
    assert {"autoencoder/critic_real", "code_imitation/prior"} <= session.engine.losses(reset=False).keys()
    assert all(not torch.equal(value, before[name]) for name, value in session.system.prior.named_parameters())


def test_a_learned_prior_that_nobody_teaches_is_refused(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match=r"--prior learned: no phase of this run trains it.*prior-improvement"):
        tiny_session("arae", regularizer={"prior_weight": 0.0})
