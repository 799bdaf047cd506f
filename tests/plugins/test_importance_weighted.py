"""The phase `importance-weighted`."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from linear_model import linear_system, log_marginal
from priorkit.errors import ConfigurationError
from priorkit.interfaces import System
from priorkit.training import Session
from priorkit_plugins.importance_weighted.phase import ImportanceWeightedPhase, log_mean_exp
from priorkit_plugins.joint_density import JointDensity
from priorkit_plugins.kl.regularizer import KLRegularizer
from priorkit_plugins.mixture.prior import MixturePrior
from priorkit_plugins.phases.autoencoder import AutoencoderPhase

IMAGES = torch.randn(6, 1, 2, 2, generator=torch.Generator().manual_seed(5))
CPU = torch.device("cpu")


def phase_of(system: System, bound: str = "iwae", **options: Any) -> ImportanceWeightedPhase:
    return ImportanceWeightedPhase(JointDensity(system), bound, **options)


def bound_of(system: System, bound: str = "iwae", images: Tensor = IMAGES, seed: int = 0, **options: Any) -> float:
    phase = phase_of(system, bound, **options)
    noise = phase.noise(len(images), torch.Generator().manual_seed(seed), CPU)
    *_, last = phase.moves(images, noise)
    return -last.terms["negative_bound"].item()


def log_weights(system: System, draws: Tensor) -> Tensor:
    """Of the images' draws, by torch.distributions: (N, S)."""
    assert system.encoder is not None
    columns = []
    for noise in draws.unbind(1):
        posterior = system.encoder(IMAGES, noise)
        pixels = torch.distributions.Normal(system.decoder(posterior.code), 0.5**0.5)
        given_code = torch.distributions.Normal(posterior.mean, torch.exp(0.5 * system.encoder.log_variance))
        joint = pixels.log_prob(IMAGES).flatten(1).sum(1)
        joint = joint + torch.distributions.Normal(0.0, 1.0).log_prob(posterior.code).sum(1)
        columns.append(joint - given_code.log_prob(posterior.code).sum(1))
    return torch.stack(columns, 1)


@pytest.mark.parametrize("normal", [True, False])
@pytest.mark.parametrize(
    ("bound", "options", "expected"),
    [
        ("iwae", {"draws": 4, "groups": 3}, lambda w: log_mean_exp(w)),
        ("miwae", {"draws": 2, "groups": 3}, lambda w: log_mean_exp(w.view(6, 3, 2)).mean(1)),
        ("piwae", {"draws": 2, "groups": 3}, lambda w: log_mean_exp(w)),
        ("ciwae", {"draws": 4, "beta": 0.3}, lambda w: 0.3 * w.mean(1) + 0.7 * log_mean_exp(w)),
    ],
)
def test_bounds_are_those_of_the_weights(
    bound: str, options: dict[str, Any], expected: Callable[[Tensor], Tensor], *, normal: bool
) -> None:
    system = linear_system(normal=normal)
    phase = phase_of(system, bound, **options)
    noise = phase.noise(6, torch.Generator().manual_seed(0), CPU)
    draws = {"iwae": 4, "ciwae": 4}.get(bound, 6)
    assert noise["posterior"].shape == (6, draws, 2)
    *_, move = phase.moves(IMAGES, noise)
    reference = expected(log_weights(linear_system(), noise["posterior"])).mean()
    torch.testing.assert_close(-move.terms["negative_bound"], reference)


def test_one_draw_gives_the_elbo_and_its_gradients() -> None:
    # Of a mixture, kl estimates the divergence by the same draw; the likelihood's constant is 4 pixels' 0.5 log pi.
    means = torch.tensor([[0.0, 1.0], [2.0, -1.0]])
    system = linear_system(prior=MixturePrior(means, 1.0, learned=True), regularizer=KLRegularizer(0.7))
    elbo = AutoencoderPhase(system)
    (plain,) = elbo.moves(
        IMAGES, {**elbo.noise(6, torch.Generator().manual_seed(1), CPU), "posterior": torch.ones(6, 2)}
    )
    (bound,) = phase_of(system, draws=1).moves(IMAGES, {"posterior": torch.ones(6, 1, 2)})
    assert system.encoder is not None
    weights = [*system.encoder.parameters(), *system.decoder.parameters(), *system.prior.parameters()]
    constant = 2 * torch.log(torch.tensor(torch.pi))
    totals = [sum(plain.terms.values()) + constant, sum(bound.terms.values())]
    torch.testing.assert_close(*totals)
    for one, other in zip(*(torch.autograd.grad(total, weights) for total in totals), strict=True):
        assert one.abs().sum() > 0
        torch.testing.assert_close(one, other)


@given(seed=st.integers(0, 2**62))
@settings(max_examples=3, deadline=None)
def test_the_bound_rises_with_the_draws_to_what_is_known(seed: int) -> None:
    system = linear_system()
    truth = log_marginal(system, IMAGES).mean().item()
    many = IMAGES.repeat(400, 1, 1, 1)
    one, few, more = (bound_of(system, images=many, seed=seed, draws=draws) for draws in (1, 5, 50))
    assert one + 0.02 < few < more - 0.005
    assert more < truth + 0.02
    # 0.17 away are 50 draws, and the standard deviation of this estimate is 0.02.
    assert bound_of(system, images=IMAGES.repeat(3, 1, 1, 1), seed=seed, draws=20_000) == pytest.approx(truth, abs=0.12)


def test_piwae_trains_encoder_and_decoder_by_bounds_of_their_own() -> None:
    system = linear_system()
    phase = phase_of(system, "piwae", draws=2, groups=3)
    noise = phase.noise(6, torch.Generator().manual_seed(0), CPU)
    assert phase.players == {"encoder": ("encoder",), "generator": ("decoder",)}
    assert system.encoder is not None
    references = {}
    for bound, network in (("miwae", system.encoder), ("iwae", system.decoder)):
        other = phase_of(system, bound, draws=2 if bound == "miwae" else 6, groups=3)
        (move,) = other.moves(IMAGES, noise)
        references[bound] = torch.autograd.grad(sum(move.terms.values()), list(network.parameters()))
    found = []
    for move, network in zip(phase.moves(IMAGES, noise), (system.encoder, system.decoder), strict=True):
        found.append(torch.autograd.grad(sum(move.terms.values()), list(network.parameters())))
    torch.testing.assert_close(tuple(found), (references["miwae"], references["iwae"]))


@pytest.mark.parametrize("bound", ["iwae", "piwae"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_moves_train_their_networks_only(
    bound: str, precision: str, tiny_session: Callable[..., Session], turns_of: Callable[[Session, str], list[Any]]
) -> None:
    phases = [{"name": "importance-weighted", "bound": bound, "draws": 2, "groups": 2}]
    session = tiny_session("vae", phases=phases, prior={"name": "mixture", "learned": True}, precision=precision)
    turns = turns_of(session, "importance_weighted")
    if bound == "iwae":
        statistics = {"encoder", "decoder"}
        assert turns == [("autoencoder", {"negative_bound"}, statistics, {"encoder", "decoder", "prior"})]
    else:
        assert turns == [
            ("encoder", {"encoder_negative_bound"}, {"encoder", "decoder"}, {"encoder"}),
            ("generator", {"negative_bound"}, set(), {"decoder", "prior"}),
        ]


@pytest.mark.parametrize("encoder", ["gaussian", "iaf"])
def test_conditions_and_other_posteriors_go_with_it(encoder: str, tiny_session: Callable[..., Session]) -> None:
    prior = {"name": "mixture", "components": 2, "learned": True}
    phases = [{"name": "importance-weighted", "draws": 2}]
    condition = {"name": "labels", "recovery": "none"}
    session = tiny_session("vae", phases=phases, prior=prior, condition=condition, encoder=encoder)
    session.step()
    assert session.engine.losses(reset=True).keys() == {"importance_weighted/negative_bound"}


def test_what_is_no_likelihood_is_refused_in_a_line(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError) as error:
        tiny_session("iwae", loss={"name": "pixel", "reduction": "mean"})
    assert str(error.value).startswith("--phases importance-weighted: needs a likelihood of images: ")


def test_relaxed_codes_are_refused_in_a_line(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError) as error:
        tiny_session("categorical-vae", phases=["importance-weighted"])
    assert str(error.value).startswith("--phases importance-weighted: needs an encoder whose draws have a probability")
    assert str(error.value).endswith("use --phases autoencoder")
