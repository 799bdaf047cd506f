"""The phase that fits a prior to kept codes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from priorkit.interfaces import Batch
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
