from collections.abc import Callable
from typing import Any

import pytest
import torch

from priorkit.training import Session

CRITIC_MOVE = ("code_critic", {"critic_real", "critic_fake"}, {"encoder", "regularizer"}, {"regularizer"})
ADVERSARIAL = [CRITIC_MOVE, ("autoencoder", {"reconstruction", "regularization"}, {"decoder"}, {"encoder", "decoder"})]
LIKELIHOOD = [
    ("autoencoder", {"reconstruction", "regularization"}, {"encoder", "decoder"}, {"encoder", "decoder"}),
]
LEARNED_BY_LIKELIHOOD = [
    ("autoencoder", {"reconstruction", "regularization"}, {"encoder", "decoder"}, {"encoder", "decoder", "prior"}),
]


@pytest.mark.parametrize(
    ("recipe", "changes", "expected"),
    [
        ("vae", {}, LIKELIHOOD),
        ("vae", {"loss": "perceptual"}, LIKELIHOOD),
        ("vae", {"prior": "location"}, LEARNED_BY_LIKELIHOOD),
        ("aae", {}, ADVERSARIAL),
        ("aae", {"encoder": "gaussian"}, ADVERSARIAL),
        ("aae", {"loss": "perceptual"}, ADVERSARIAL),
        (
            "aae",
            {"regularizer": "none"},
            [("autoencoder", {"reconstruction"}, {"encoder", "decoder"}, {"encoder", "decoder"})],
        ),
        ("learned", {}, ADVERSARIAL),
        ("learned", {"encoder": "gaussian", "loss": "pixel"}, ADVERSARIAL),
        ("learned", {"decoder_in_both_phases": False, "reconstructions_as_fakes": True}, ADVERSARIAL),
        ("learned", {"simultaneous": True}, None),
    ],
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_each_move_trains_its_networks_only(
    recipe: str,
    changes: dict[str, Any],
    expected: list[Any] | None,
    precision: str,
    tiny_session: Callable[..., Session],
    turns_of: Callable[[Session, str], list[Any]],
) -> None:
    turns = turns_of(tiny_session(recipe, precision=precision, **changes), "autoencoder")
    if expected is None:
        # Nothing is trained before the phase has ended.
        assert [(turn.player, turn.trained) for turn in turns] == [("code_critic", set()), ("autoencoder", set())]
    else:
        assert turns == expected


def changes_after_a_step(session: Session) -> dict[str, dict[str, torch.Tensor]]:
    before = {name: [w.detach().clone() for w in net.parameters()] for name, net in session.system.trained().items()}
    (session.engine.phases,) = [[p for p in session.engine.phases if p.name == "autoencoder"]]
    session.step()
    return {
        name: torch.cat([(w - b).flatten() for w, b in zip(net.parameters(), before[name], strict=True)])
        for name, net in session.system.trained().items()
    }


@pytest.mark.parametrize("recipe", ["vae", "aae", "learned"])
@pytest.mark.parametrize("weight", [0.0, 0.25, 3.0])
def test_lambda_scales_the_gradient_of_the_decoder_alone(
    recipe: str, weight: float, tiny_session: Callable[..., Session]
) -> None:
    plain, scaled = (
        changes_after_a_step(tiny_session(recipe, optimizer="sgd", learning_rate=0.001, reconstruction_weight=value))
        for value in (1.0, weight)
    )
    assert plain["decoder"].abs().max() > 1e-5
    torch.testing.assert_close(scaled.pop("decoder"), weight * plain.pop("decoder"), rtol=1e-3, atol=1e-6)
    for name, change in plain.items():
        assert torch.equal(scaled[name], change), name


def terms_of(session: Session) -> list[dict[str, float]]:
    """The loss terms of a phase's moves, nothing being trained between them."""
    phase = session.engine.phases[0]
    noise = phase.noise(6, torch.Generator().manual_seed(3), torch.device("cpu"))
    moves = phase.moves(session.source.batches.at(0), noise)
    return [{name: term.item() for name, term in move.terms.items()} for move in moves]


@pytest.mark.parametrize("recipe", ["vae", "aae", "learned"])
def test_moves_are_a_function_of_images_noise_and_networks(recipe: str, tiny_session: Callable[..., Session]) -> None:
    first, second = tiny_session(recipe), tiny_session(recipe)
    torch.manual_seed(1)
    terms = terms_of(first)
    torch.manual_seed(2)
    assert terms_of(second) == terms


def test_only_an_encoder_that_draws_gets_noise(tiny_session: Callable[..., Session]) -> None:
    generator, cpu = torch.Generator(), torch.device("cpu")
    assert set(tiny_session("aae").engine.phases[0].noise(5, generator, cpu)) == {"prior", "regularizer"}
    noise = tiny_session("vae").engine.phases[0].noise(5, generator, cpu)
    shapes = {"prior": (5, 4), "posterior": (5, 4), "regularizer": (5, 0)}
    assert {name: tuple(value.shape) for name, value in noise.items()} == shapes


def test_a_regularizer_gets_the_noise_that_it_draws(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("aae", regularizer={"name": "sliced-wasserstein", "projections": 7})
    (phase,) = session.engine.phases
    noise = dict(phase.noise(5, torch.Generator().manual_seed(0), torch.device("cpu")))
    assert noise["regularizer"].shape == (5, 2, 4)
    images = session.source.batches.at(0)[:5]

    def term(given: torch.Tensor) -> torch.Tensor:
        (move,) = phase.moves(images, {**noise, "regularizer": given})
        return move.terms["regularization"]

    assert torch.equal(term(noise["regularizer"]), term(noise["regularizer"]))
    assert not torch.equal(term(noise["regularizer"]), term(noise["regularizer"].flip(0, 1)))


@pytest.mark.parametrize(("recipe", "sampled"), [("vae", 0), ("aae", 1)])
def test_the_prior_is_sampled_where_its_codes_are_compared(
    recipe: str, sampled: int, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session(recipe)
    passes: list[int] = []
    session.system.prior.register_forward_hook(lambda module, given, codes: passes.append(len(codes)))
    session.step()
    assert passes == [6] * sampled
