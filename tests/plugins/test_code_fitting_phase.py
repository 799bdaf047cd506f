"""The phase that fits a prior to kept codes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import Batch, Learning, System
from priorkit.training import Session
from priorkit_plugins.full_gaussian.prior import FullGaussianPrior
from priorkit_plugins.phases.code_fitting import AllCodesFittingPhase, CodeFittingPhase

CPU = torch.device("cpu")


def phase_of(tiny_session: Callable[..., Session], recipe: str, **changes: Any) -> CodeFittingPhase:
    return CodeFittingPhase(tiny_session(recipe, **changes).system)


def codes(n: int = 5) -> Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(0))


def test_a_prior_that_learns_by_likelihood_descends_minus_its_log_density(
    tiny_session: Callable[..., Session],
) -> None:
    phase = phase_of(tiny_session, "vae", prior="location")
    assert phase.batch is Batch.CODES
    noise = phase.noise(5, torch.Generator().manual_seed(1), CPU)
    (move,) = phase.moves(codes(), noise)
    assert move.player == "prior"
    torch.testing.assert_close(move.terms["codes"], -phase.prior.log_prob(codes()).mean())


def test_point_priors_keep_their_own_loss(tiny_session: Callable[..., Session]) -> None:
    phase = phase_of(tiny_session, "tree-vae")
    (move,) = phase.moves(codes(), phase.noise(5, torch.Generator(), CPU))
    expected = phase.prior.parameter_loss()
    assert expected is not None
    torch.testing.assert_close(move.terms["prior"], expected)


def test_a_prior_that_learns_from_codes_is_trained_as_often_as_it_asks(tiny_session: Callable[..., Session]) -> None:
    prior = {"name": "flow-matching", "hidden": 8, "fits": 2}
    phase = phase_of(tiny_session, "aae", prior=prior, regularizer="none")
    noise = phase.noise(5, torch.Generator().manual_seed(1), CPU)
    assert set(noise) == {"matching-0", "matching-1"}
    moves = list(phase.moves(codes(), noise))
    assert len(moves) == 2
    for step, move in enumerate(moves):
        expected = phase.prior.code_loss(codes(), noise[f"matching-{step}"])
        torch.testing.assert_close(move.terms["codes"], expected)


def test_a_prior_that_learns_from_all_codes_fits_itself(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("aae", prior="full-gaussian", stages="autoencoder:1,code-fitting:1")
    phase = AllCodesFittingPhase(session.system)
    assert (phase.batch, dict(phase.players)) == (Batch.ALL_CODES, {})
    assert list(phase.moves(codes(50), phase.noise(50, torch.Generator(), CPU))) == []
    prior = session.system.prior
    assert isinstance(prior, FullGaussianPrior)
    torch.testing.assert_close(prior.mean, codes(50).mean(0))


class Recording:
    """A prior that records what phases give it."""

    code_steps = 2

    def __init__(self, learning: Learning, takes_condition: bool) -> None:
        self.learning = learning
        self.takes_condition = takes_condition
        self.given: list[tuple[Any, ...]] = []

    def code_noise(self, n: int, *, generator: torch.Generator, device: torch.device) -> Tensor:
        return torch.rand(n, 3, generator=generator, device=device)

    def code_loss(self, *given: Any) -> Tensor:
        self.given.append(("code_loss", *given))
        return torch.zeros(())

    def fit_codes(self, *given: Any) -> None:
        self.given.append(("fit_codes", *given))

    def log_prob(self, *given: Any) -> Tensor:
        self.given.append(("log_prob", *given))
        return torch.zeros(len(given[0]))

    def leaving_out(self, indices: Tensor) -> "Recording":
        self.given.append(("leaving_out", indices))
        return self

    def parameter_loss(self) -> None:
        return None

    def assert_given(self, *calls: tuple[Any, ...]) -> None:
        assert [len(given) for given in self.given] == [len(call) for call in calls]
        for given, expected in zip(self.given, calls, strict=True):
            for one, other in zip(given, expected, strict=True):
                assert torch.equal(one, other) if isinstance(other, Tensor) else one == other


@pytest.mark.parametrize("takes_condition", [False, True])
@pytest.mark.parametrize("learning", [Learning.CODES, Learning.LIKELIHOOD, Learning.ALL_CODES])
def test_priors_are_given_codes_noise_and_their_condition(learning: Learning, takes_condition: bool) -> None:
    prior: Any = Recording(learning, takes_condition)
    phase_type = AllCodesFittingPhase if learning is Learning.ALL_CODES else CodeFittingPhase
    phase = phase_type(cast("System", SimpleNamespace(prior=prior)))
    noise = {**phase.noise(5, torch.Generator().manual_seed(0), CPU), "condition": torch.ones(5, 2)}
    moves = list(phase.moves(codes(), noise))
    assert {move.player for move in moves} <= {"prior"}
    condition = noise["condition"] if takes_condition else None
    expected: list[tuple[Any, ...]] = {
        Learning.CODES: [("code_loss", codes(), noise.get(f"matching-{step}"), condition) for step in (0, 1)],
        Learning.LIKELIHOOD: [("log_prob", codes(), condition) if takes_condition else ("log_prob", codes())],
        Learning.ALL_CODES: [("fit_codes", codes(), noise.get("fitting"), condition)],
    }[learning]
    prior.assert_given(*expected)


@pytest.mark.parametrize("learning", [Learning.CODES, Learning.ALL_CODES])
def test_noise_comes_from_the_given_generator_and_device(learning: Learning) -> None:
    phase_type = AllCodesFittingPhase if learning is Learning.ALL_CODES else CodeFittingPhase
    phase = phase_type(cast("System", SimpleNamespace(prior=Recording(learning, False))))
    first, again, other = (phase.noise(5, torch.Generator().manual_seed(seed), CPU) for seed in (0, 0, 1))
    torch.testing.assert_close(first, again)
    assert all(not torch.equal(first[key], other[key]) for key in first)
    meta = phase.noise(5, torch.Generator("cpu"), torch.device("meta"))
    assert {value.device.type for value in meta.values()} == {"meta"}


def test_a_code_is_left_out_of_the_prior_that_it_trains() -> None:
    prior: Any = Recording(Learning.LIKELIHOOD, takes_condition=True)
    phase = CodeFittingPhase(cast("System", SimpleNamespace(prior=prior)))
    indices, condition = torch.arange(5), torch.ones(5, 2)
    list(phase.moves(codes(), {"indices": indices, "condition": condition}))
    prior.assert_given(("leaving_out", indices), ("log_prob", codes(), condition))
