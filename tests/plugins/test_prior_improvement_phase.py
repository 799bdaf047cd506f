from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from priorkit.data import to_float
from priorkit.interfaces import AdversarialLoss, Comparison, Posterior
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
        (
            "learned",
            {"condition": "labels"},
            [
                (
                    "image_critic",
                    {*CRITIC_TERMS, "recovery_real"},
                    {"prior", "decoder", "image_critic"},
                    {"image_critic", "recogniser"},
                ),
                ("generator", {"generator_fake", "mutual_information"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"condition": {"name": "labels", "recovery": "both", "weight": 0}},
            [
                (
                    "image_critic",
                    {*CRITIC_TERMS, "recovery_real", "recovery_fake"},
                    {"prior", "decoder", "image_critic"},
                    {"image_critic", "recogniser"},
                ),
                ("generator", {"generator_fake"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"condition": {"name": "labels", "recovery": "none"}},
            [
                ("image_critic", CRITIC_TERMS, {"prior", "decoder", "image_critic"}, {"image_critic"}),
                ("generator", {"generator_fake"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"condition": {"name": "categorical", "classes": 3}},
            [
                (
                    "image_critic",
                    {*CRITIC_TERMS, "recovery_fake"},
                    {"prior", "decoder", "image_critic"},
                    {"image_critic", "recogniser"},
                ),
                ("generator", {"generator_fake", "mutual_information"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"condition": {"name": "categorical", "classes": 3, "recovery": "self-labelled"}},
            [
                (
                    "image_critic",
                    {*CRITIC_TERMS, "information", "consistency"},
                    {"prior", "decoder", "image_critic"},
                    {"image_critic", "recogniser"},
                ),
                ("generator", {"generator_fake", "mutual_information"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"condition": "embedding"},
            [
                (
                    "image_critic",
                    {*CRITIC_TERMS, "critic_mismatched"},
                    {"prior", "decoder", "image_critic"},
                    {"image_critic"},
                ),
                ("generator", {"generator_fake"}, set(), {"prior", "decoder"}),
            ],
        ),
        (
            "learned",
            {"encoder": "none", "prior": "gaussian"},
            [
                ("image_critic", CRITIC_TERMS, {"decoder", "image_critic"}, {"image_critic"}),
                ("generator", {"generator_fake"}, set(), {"decoder"}),
            ],
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


def test_the_critic_may_take_several_steps_for_each_of_those_who_fool_it(
    tiny_session: Callable[..., Session],
) -> None:
    session = tiny_session("learned", critic_steps=3, encoder="none", prior="gaussian")
    assert [(phase.name, set(phase.players)) for phase in session.engine.phases] == [
        ("image_critic", {"image_critic"}),
        ("prior_improvement", {"generator"}),
    ]
    moved = []
    for _ in range(6):
        before = {name: next(net.parameters()).detach().clone() for name, net in session.engine.networks.items()}
        session.step()
        after = {name: next(net.parameters()).detach() for name, net in session.engine.networks.items()}
        moved.append({name for name in before if not torch.equal(before[name], after[name])})
    both = {"image_critic", "decoder"}
    assert moved == [both, {"image_critic"}, {"image_critic"}] * 2


def test_the_condition_comes_with_the_images(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", condition="labels")
    seen: list[torch.Tensor] = []
    prior = session.system.prior
    prior.register_forward_pre_hook(lambda module, given: seen.append(given[1]))
    critic = session.system.regularizer.critic
    shown: list[torch.Tensor] = []
    critic.register_forward_pre_hook(lambda module, given: shown.append(given[0]))
    indices = session.source.batches.order.batch(0, 6)
    session.step()
    wanted = torch.nn.functional.one_hot(session.data.train.labels[indices], 2).float()
    # Both phases make codes for the labels of the batch, and D_C sees them beside every code (Eq. 8).
    assert all(torch.equal(condition, wanted) for condition in seen)
    assert len(seen) == 2
    assert len(shown) == 3
    for codes in shown:
        assert codes.shape == (6, 4 + 2)
        assert torch.equal(codes[:, 4:], wanted)


def test_a_drawn_condition_is_not_shown_to_the_code_critic(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", condition={"name": "categorical", "classes": 3})
    shown: list[torch.Tensor] = []
    session.system.regularizer.critic.register_forward_pre_hook(lambda module, given: shown.append(given[0]))
    session.step()
    assert {codes.shape for codes in shown} == {(6, 4)}


def test_mutual_information_is_the_weighted_recovery_of_generated_images(tiny_session: Callable[..., Session]) -> None:
    terms = {}
    for weight in (1.0, 0.25):
        session = tiny_session("learned", condition={"name": "categorical", "classes": 3, "weight": weight})
        (phase,) = session.engine.phases[1:]
        noise = phase.noise(6, torch.Generator().manual_seed(0), torch.device("cpu"))
        images = session.source.batches.at(0)
        for move in phase.moves(images, noise):
            terms[weight, move.player] = dict(move.terms)
        fake = session.system.decoder(session.system.prior(noise["prior"], noise["condition"]))
        recovered = session.system.recogniser(session.system.image_critic.features(fake))
        expected = torch.nn.functional.cross_entropy(recovered, noise["condition"].argmax(1))
        torch.testing.assert_close(terms[weight, "generator"]["mutual_information"], weight * expected)


SELF_LABELLED = {"name": "categorical", "classes": 3, "recovery": "self-labelled"}


def test_q_labels_real_images_and_the_same_images_changed(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", condition=SELF_LABELLED)
    system = session.system
    (phase,) = session.engine.phases[1:]
    noise = phase.noise(6, torch.Generator().manual_seed(0), torch.device("cpu"))
    assert set(noise) == {"prior", "condition", "changes"}
    assert set(phase.noise(6, torch.Generator(), torch.device("cpu"))) == set(noise)
    images = session.source.batches.at(0)
    (norm, *_) = [layer for layer in system.image_critic.modules() if isinstance(layer, torch.nn.BatchNorm1d)]
    labelled: list[torch.Tensor] = []
    system.recogniser.register_forward_hook(lambda module, given, output: labelled.append(output))
    critic_move, generator_move = (dict(move.terms) for move in phase.moves(images, noise))
    # Real ones and changed ones in D_I's move, generated ones in the generator's; statistics do not see changed ones.
    assert len(labelled) == 3
    assert int(norm.num_batches_tracked) == 2
    changed = system.condition.changed(images, noise["changes"])
    expected = [system.recogniser(system.image_critic.features(seen)) for seen in (images, changed)]
    for output, again in zip(labelled, expected, strict=False):
        torch.testing.assert_close(output, again)
    for name, term in system.condition.self_labelling_terms(*expected).items():
        torch.testing.assert_close(critic_move[name], term)
    assert "mutual_information" in generator_move


def test_changes_are_drawn_where_the_critic_moves(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", critic_steps=2, condition=SELF_LABELLED)
    drawn = [set(phase.noise(6, torch.Generator(), torch.device("cpu"))) for phase in session.engine.phases[1:]]
    assert drawn == [{"prior", "condition", "changes"}, {"prior", "condition"}]


def test_the_critics_own_turns_move_statistics_of_nobody_else(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", critic_steps=3)
    session.engine.phases = session.engine.phases[1:]
    counters = {
        name: next(buffer for key, buffer in network.named_buffers() if key.endswith("num_batches_tracked"))
        for name, network in session.engine.networks.items()
    }
    counted = []
    for _ in range(4):
        session.step()
        counted.append({name: int(counters[name]) for name in ("prior", "decoder", "image_critic")})
    assert [count["image_critic"] for count in counted] == [2, 4, 6, 8]
    # Those who fool it take part in steps 0 and 3.
    assert [count["decoder"] for count in counted] == [count["prior"] for count in counted] == [1, 1, 1, 2]


def test_mismatched_pairs_are_real_images_with_the_next_images_vectors(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", condition="embedding")
    order, vectors = session.source.batches.order, session.data.train.embeddings
    seen: list[tuple[int, torch.Tensor]] = []
    critic = session.system.image_critic
    critic.head.register_forward_pre_hook(lambda module, given: seen.append((len(given[0]), given[0][:, -3:])))
    passes: list[int] = []
    critic.trunk.register_forward_hook(lambda module, given, features: passes.append(1))
    session.engine.phases = session.engine.phases[1:]
    session.step()
    own, others = vectors[order.batch(0, 6)], vectors[order.batch(6, 6)]
    assert [torch.equal(shown, own) for _, shown in seen] == [True, False, True, True]
    assert torch.equal(seen[1][1], others)
    # Real images pass the trunk once, with either vector.
    assert len(passes) == 3


def test_some_images_are_made_from_a_mixture_that_is_never_beside_real_ones(
    tiny_session: Callable[..., Session],
) -> None:
    choice = {"name": "embedding", "interpolated": 0.5, "mismatched": False}
    session = tiny_session("learned", condition=choice, batch_size=12)
    order, vectors = session.source.batches.order, session.data.train.embeddings
    given, seen = [], []
    session.system.prior.register_forward_pre_hook(lambda module, inputs: given.append(inputs[1]))
    critic = session.system.image_critic
    critic.head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][:, -3:]))
    session.engine.phases = session.engine.phases[1:]
    session.step()
    own, others = vectors[order.batch(0, 12)], vectors[order.batch(12, 12)]
    [made_from] = given
    mixed = (made_from == (own + others) / 2).all(1)
    assert 0 < mixed.sum() < 12
    assert torch.equal(made_from[~mixed], own[~mixed])
    # Real images, and what is generated: in D_I's own move, and in that of those who fool it.
    assert len(seen) == 3
    assert torch.equal(seen[0], own)
    assert torch.equal(seen[1], made_from)
    assert torch.equal(seen[2], made_from)


def test_all_images_or_none_are_made_from_mixtures(tiny_session: Callable[..., Session]) -> None:
    for share in (0.0, 1.0):
        session = tiny_session("learned", condition={"name": "embedding", "interpolated": share})
        order, vectors = session.source.batches.order, session.data.train.embeddings
        assert session.system.encoder is not None
        session.source.fetch(0, session.system.encoder.eval)
        _, with_them = session.source.take()
        means = (vectors[order.batch(0, 6)] + vectors[order.batch(6, 6)]) / 2
        assert with_them.keys() == {"condition", "mismatched"} | ({"interpolated"} if share else set())
        assert not share or torch.equal(with_them["interpolated"], means)


class Relative(AdversarialLoss):
    """Cross-entropy on logits that are compared."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self.comparison = comparison
        self.needs_whole_batch = comparison is Comparison.AVERAGE

    def real(self, logits: Tensor) -> Tensor:
        return functional.softplus(-logits).mean()

    def fake(self, logits: Tensor) -> Tensor:
        return functional.softplus(logits).mean()

    def generator(self, logits: Tensor) -> Tensor:
        return functional.softplus(-logits).mean()


def compared(logits: Tensor, others: Tensor, comparison: Comparison) -> Tensor:
    return logits - (others if comparison is Comparison.PAIRED else others.mean())


@pytest.mark.parametrize("comparison", [Comparison.PAIRED, Comparison.AVERAGE])
@pytest.mark.parametrize("reconstructed", [False, True])
def test_logits_are_compared_with_those_of_the_other_kind(
    comparison: Comparison, reconstructed: bool, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session("learned", reconstructions_as_fakes=reconstructed)
    system = session.system
    system.adversarial_loss = Relative(comparison)
    assert system.image_critic is not None
    (phase,) = session.engine.phases[1:]
    images = to_float(session.data.train.first(6))
    noise = phase.noise(6, torch.Generator().manual_seed(0), torch.device("cpu"))
    moves = phase.moves(images, noise)
    critic_terms = next(moves).terms
    generated = {"fake": system.decoder(system.prior(noise["prior"]))}
    if reconstructed:
        assert system.encoder is not None
        generated["reconstructed"] = system.decoder(system.encoder(images).code)
    real = system.image_critic(images)
    wanted_real = torch.zeros(())
    for name, made in generated.items():
        fake = system.image_critic(made)
        wanted_real = wanted_real + functional.softplus(-compared(real, fake, comparison)).mean()
        wanted = functional.softplus(compared(fake, real, comparison)).mean()
        torch.testing.assert_close(critic_terms[f"critic_{name}"], wanted)
    torch.testing.assert_close(critic_terms["critic_real"], wanted_real)
    # The critic stands still here, so the generator meets the same one.
    generator_terms = next(moves).terms
    for name, made in generated.items():
        fake = system.image_critic(made)
        wanted = functional.softplus(-compared(fake, real, comparison)).mean()
        if comparison is Comparison.AVERAGE:
            wanted = wanted + functional.softplus(compared(real, fake, comparison)).mean()
        torch.testing.assert_close(generator_terms[f"generator_{name}"], wanted)


@pytest.mark.parametrize("comparison", [Comparison.PAIRED, Comparison.AVERAGE])
def test_the_code_critic_compares_too(comparison: Comparison, tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("aae")
    regularizer: Any = session.system.regularizer
    regularizer.adversarial_loss = Relative(comparison)
    assert regularizer.needs_whole_batch is (comparison is Comparison.AVERAGE)
    code, prior_code = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    regularizer.eval()
    fake, real = regularizer.critic(code), regularizer.critic(prior_code)
    terms = regularizer.critic_terms(code, prior_code)
    torch.testing.assert_close(terms["critic_real"], functional.softplus(-compared(real, fake, comparison)).mean())
    torch.testing.assert_close(terms["critic_fake"], functional.softplus(compared(fake, real, comparison)).mean())
    wanted = functional.softplus(-compared(fake, real, comparison)).mean()
    if comparison is Comparison.AVERAGE:
        wanted = wanted + functional.softplus(compared(real, fake, comparison)).mean()
    (term,) = regularizer.encoder_terms(Posterior(code, code), session.system.prior, prior_code).values()
    torch.testing.assert_close(term, regularizer.weight * wanted)


def test_compared_images_are_shown_with_their_condition(tiny_session: Callable[..., Session]) -> None:
    """In the generator's move, too, D_I sees the vectors beside the real images with which it compares."""
    session = tiny_session("learned", condition={"name": "embedding", "mismatched": False})
    system = session.system
    system.adversarial_loss = Relative(Comparison.PAIRED)
    assert system.image_critic is not None
    seen: list[Tensor] = []
    head: Any = system.image_critic.head
    head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][:, -3:]))
    (phase,) = session.engine.phases[1:]
    condition = torch.rand(6, 3, generator=torch.Generator().manual_seed(0))
    noise = {**phase.noise(6, torch.Generator().manual_seed(0), torch.device("cpu")), "condition": condition}
    list(phase.moves(to_float(session.data.train.first(6)), noise))
    # Real and generated images, in D_I's move and in the generator's.
    assert len(seen) == 4
    assert all(torch.equal(vectors, condition) for vectors in seen)


@pytest.mark.parametrize("condition", ["none", {"name": "categorical", "classes": 3}])
def test_noise_of_each_phase_is_drawn_on_the_device(condition: Any, tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", condition=condition, encoder="gaussian", reconstructions_as_fakes=True)
    for phase in session.engine.phases:
        noise = phase.noise(6, torch.Generator(), torch.device("meta"))
        assert {"prior", "posterior"} <= set(noise)
        assert ("condition" in noise) is (condition != "none")
        assert {value.device.type for value in noise.values()} == {"meta"}
