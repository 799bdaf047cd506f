from collections.abc import Callable
from typing import Any

import pytest
import torch

from priorkit.training import Session

CRITIC_TERMS = {"critic_real", "critic_fake"}


@pytest.mark.parametrize(
    ("recipe", "changes", "expected"),
    [
        (
            "learned",
            {},
            [
                ("image_critic", CRITIC_TERMS, {"prior", "decoder", "image_critic"}, {"image_critic"}),
                ("generator", {"generator_fake"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"loss": "pixel", "encoder": "gaussian"},
            [
                ("image_critic", CRITIC_TERMS, {"prior", "decoder", "image_critic"}, {"image_critic"}),
                ("generator", {"generator_fake"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"decoder_in_both_phases": False},
            [
                ("image_critic", CRITIC_TERMS, {"prior", "image_critic"}, {"image_critic"}),
                ("generator", {"generator_fake"}, set(), {"prior"}),
            ],
        ),
        (
            "learned",
            {"reconstructions_as_fakes": True, "encoder": "gaussian"},
            [
                (
                    "image_critic",
                    {*CRITIC_TERMS, "critic_reconstructed"},
                    {"prior", "decoder", "image_critic"},
                    {"image_critic"},
                ),
                ("generator", {"generator_fake", "generator_reconstructed"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"reconstructions_as_fakes": True, "decoder_in_both_phases": False},
            [
                (
                    "image_critic",
                    {*CRITIC_TERMS, "critic_reconstructed"},
                    {"prior", "image_critic"},
                    {"image_critic"},
                ),
                # The encoder and the decoder stand still, so nobody could make reconstructions better.
                ("generator", {"generator_fake"}, set(), {"prior"}),
            ],
        ),
        (
            "aae",
            {"loss": "perceptual"},
            [
                ("image_critic", CRITIC_TERMS, {"decoder", "image_critic"}, {"image_critic"}),
                ("generator", {"generator_fake"}, set(), {"decoder"}),
            ],
        ),
        (
            "aae",
            {"loss": "perceptual", "decoder_in_both_phases": False},
            [("image_critic", CRITIC_TERMS, {"image_critic"}, {"image_critic"})],
        ),
        (
            "vae",
            {"loss": "perceptual", "prior": "location", "decoder_in_both_phases": False},
            [("image_critic", CRITIC_TERMS, {"image_critic"}, {"image_critic"})],
        ),
    ],
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_each_move_trains_its_networks_only(
    recipe: str,
    changes: dict[str, Any],
    expected: list[Any],
    precision: str,
    tiny_session: Callable[..., Session],
    turns_of: Callable[[Session, str], list[Any]],
) -> None:
    session = tiny_session(recipe, precision=precision, **changes)
    assert turns_of(session, "prior_improvement") == expected


@pytest.mark.parametrize("recipe", ["vae", "aae"])
def test_there_is_no_such_phase_where_nothing_needs_an_image_critic(
    recipe: str, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session(recipe)
    assert session.system.image_critic is None
    assert [phase.name for phase in session.engine.phases] == ["autoencoder"]


@pytest.mark.parametrize(("reconstructions", "passes"), [(False, 2), (True, 3)])
def test_real_and_generated_images_go_through_the_critic_apart(
    reconstructions: bool, passes: int, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session("learned", reconstructions_as_fakes=reconstructions)
    norms = [layer for layer in session.system.image_critic.modules() if isinstance(layer, torch.nn.BatchNorm1d)]
    sizes: list[int] = []
    norms[0].register_forward_pre_hook(lambda layer, inputs: sizes.append(len(inputs[0])))
    (session.engine.phases,) = [session.engine.phases[1:]]
    session.step()
    assert int(norms[0].num_batches_tracked) == passes
    assert set(sizes) == {6}


def test_noise_for_the_posterior_is_drawn_where_reconstructions_need_it(tiny_session: Callable[..., Session]) -> None:
    def noise(**changes: Any) -> set[str]:
        phase = tiny_session("learned", **changes).engine.phases[1]
        return set(phase.noise(6, torch.Generator(), torch.device("cpu")))

    assert noise() == noise(encoder="gaussian") == noise(reconstructions_as_fakes=True) == {"prior"}
    assert noise(encoder="gaussian", reconstructions_as_fakes=True) == {"prior", "posterior"}
