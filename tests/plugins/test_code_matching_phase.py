from collections.abc import Callable
from typing import Any

import pytest
import torch

from priorkit.errors import ConfigurationError
from priorkit.training import Session
from priorkit_plugins.flow_matching.prior import FlowMatchingPrior
from priorkit_plugins.phases.code_matching import CodeMatchingPhase

FLOW = {"name": "flow-matching", "hidden": 8, "layers": 1, "steps": 2, "fits": 2, "improvement": 0.1}


def session_of(tiny_session: Callable[..., Session], **changes: Any) -> Session:
    return tiny_session("matched", prior=FLOW, **changes)


def test_the_phases_are_the_autoencoders_code_matching_and_prior_improvement(
    tiny_session: Callable[..., Session],
) -> None:
    names = [phase.name for phase in session_of(tiny_session).engine.phases]
    assert names == ["autoencoder", "code_matching", "prior_improvement"]
    without = tiny_session("vae", prior={**FLOW, "improvement": 0.0}, regularizer="none")
    assert [phase.name for phase in without.engine.phases] == ["autoencoder", "code_matching"]


def test_the_prior_alone_moves_as_often_as_it_asks(
    tiny_session: Callable[..., Session], turns_of: Callable[..., list[Any]]
) -> None:
    turns = turns_of(session_of(tiny_session), "code_matching")
    assert [turn.player for turn in turns] == ["prior", "prior"]
    for turn in turns:
        assert turn.terms == {"codes"}
        assert turn.trained == {"prior"}
        assert turn.statistics == set()


def test_it_learns_from_draws_of_the_posteriors(tiny_session: Callable[..., Session]) -> None:
    session = session_of(tiny_session, encoder={"noise": 0.5})
    seen: list[torch.Tensor] = []

    def spy(code: torch.Tensor, noise: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        seen.append(code)
        return type(session.system.prior).code_loss(session.system.prior, code, noise, condition)

    session.system.prior.code_loss = spy
    session.fetch()
    images = session.source.batches.at(0)
    phase = CodeMatchingPhase(session.system)
    noise = phase.noise(len(images), torch.Generator().manual_seed(0), torch.device("cpu"))
    assert not torch.equal(noise["matching-0"], noise["matching-1"])
    torch.testing.assert_close(noise, phase.noise(len(images), torch.Generator().manual_seed(0), torch.device("cpu")))
    assert noise["posterior"].shape == (len(images), session.system.code_dim)
    list(phase.moves(images, noise))
    with torch.no_grad():
        expected = session.system.encoder(images, noise["posterior"]).code
    assert len(seen) == 2
    assert all(torch.equal(code, expected) and not code.requires_grad for code in seen)


def test_the_prior_improves_by_a_share_of_the_gradient(
    tiny_session: Callable[..., Session], turns_of: Callable[..., list[Any]]
) -> None:
    for improvement, trained in ((0.5, {"prior", "decoder"}), (0.0, {"decoder"})):
        session = session_of(tiny_session)
        turns = turns_of(tiny_session("matched", prior={**FLOW, "improvement": improvement}), "prior_improvement")
        assert [turn.trained for turn in turns] == [{"image_critic"}, trained]
    (phase,) = [phase for phase in session.engine.phases if phase.name == "prior_improvement"]
    assert phase.gradient_scale == {"prior": 0.1}


def test_a_gradient_is_scaled_for_the_prior_alone(tiny_session: Callable[..., Session]) -> None:
    """Plain gradient descent moves in proportion to the gradient."""
    moved = []
    for improvement in (0.25, 0.5):
        prior = {**FLOW, "improvement": improvement}
        session = tiny_session("matched", prior=prior, optimizer="sgd", beta1=0.0, loss="pixel")
        session.engine.phases = [phase for phase in session.engine.phases if phase.name == "prior_improvement"]
        weights = {name: next(session.system.modules()[name].parameters()) for name in ("prior", "decoder")}
        before = {name: weight.detach().clone() for name, weight in weights.items()}
        session.step()
        moved.append({name: weight.detach() - before[name] for name, weight in weights.items()})
    torch.testing.assert_close(moved[1]["prior"], 2 * moved[0]["prior"], rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(moved[1]["decoder"], moved[0]["decoder"])


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [("improvement", -1.0, "improvement is -1.0"), ("code_steps", 0, "code_steps is 0")],
)
def test_a_prior_that_says_nonsense_is_refused(
    attribute: str, value: float, message: str, tiny_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FlowMatchingPrior.__init__

    def init(self: FlowMatchingPrior, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        setattr(self, attribute, value)

    monkeypatch.setattr(FlowMatchingPrior, "__init__", init)
    with pytest.raises(ConfigurationError, match=rf"{message}.*mistake in the plug-in"):
        session_of(tiny_session)


def test_a_prior_without_the_loss_is_refused_before_training(
    tiny_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(FlowMatchingPrior, "code_loss")
    with pytest.raises(
        ConfigurationError, match=r"FlowMatchingPrior does not learn from codes.*mistake in the plug-in"
    ):
        session_of(tiny_session)


def test_balancing_needs_two_kinds_of_fakes(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match="--balance-fakes: samples are the only fakes"):
        tiny_session("learned", balance_fakes=True)


def test_one_kind_of_fake_keeps_its_weight(tiny_session: Callable[..., Session]) -> None:
    """Where the decoder stands still, reconstructions fool nobody."""
    losses = []
    for balance in (False, True):
        session = session_of(tiny_session, balance_fakes=balance, decoder_in_both_phases=False)
        session.step()
        losses.append(session.engine.losses(reset=True)["prior_improvement/generator_fake"])
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


def test_balanced_fakes_weigh_half_each(tiny_session: Callable[..., Session]) -> None:
    losses = []
    for balance in (False, True):
        session = session_of(tiny_session, balance_fakes=balance)
        session.step()
        losses.append(session.engine.losses(reset=True))
    for player in ("critic", "generator"):
        name = f"prior_improvement/{player}_fake"
        ratio = losses[1][name] / losses[0][name]
        # The critic has moved before the generator's loss is computed.
        assert ratio == pytest.approx(0.5, rel=1e-5 if player == "critic" else 0.05)
    assert losses[1]["prior_improvement/critic_real"] == pytest.approx(losses[0]["prior_improvement/critic_real"])


@pytest.mark.parametrize("takes_condition", [True, False])
def test_the_prior_is_given_the_condition_that_it_takes(
    takes_condition: bool, tiny_session: Callable[..., Session]
) -> None:
    session = session_of(tiny_session, condition={"name": "labels"})
    prior = session.system.prior
    seen: list[torch.Tensor | None] = []

    def spy(code: torch.Tensor, noise: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        seen.append(condition)
        return torch.zeros(())

    prior.code_loss, prior.takes_condition = spy, takes_condition
    session.fetch()
    images = session.source.batches.at(0)
    phase = CodeMatchingPhase(session.system)
    noise = phase.noise(len(images), torch.Generator().manual_seed(0), torch.device("cpu"))
    condition = torch.ones(len(images), 10)
    list(phase.moves(images, {**noise, "condition": condition}))
    assert len(seen) == 2
    assert all(given is (condition if takes_condition else None) for given in seen)


def test_conditions_reach_it(tiny_session: Callable[..., Session]) -> None:
    session = session_of(tiny_session, condition={"name": "labels"})
    before = {key: value.clone() for key, value in session.system.prior.state_dict().items()}
    session.step()
    assert any(not torch.equal(value, before[key]) for key, value in session.system.prior.state_dict().items())
    labels = torch.tensor([0, 1])
    codes = session.model.codes(2, condition=session.model.class_conditions(labels))
    assert codes.shape == (2, 4)


def test_it_needs_an_encoder(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match="flow-matching: it learns from the codes of images"):
        tiny_session("dcgan", prior="flow-matching", networks={"name": "dcgan", "width": 2})


def test_conditions_drawn_at_random_belong_to_no_image(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match="nothing says which 'categorical' condition belongs to which image"):
        session_of(tiny_session, condition={"name": "categorical"})
