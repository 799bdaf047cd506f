"""The phase that fits a prior to kept codes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from priorkit.training import Session
from priorkit_plugins.phases.code_fitting import CodeFittingPhase

CPU = torch.device("cpu")


def phase_of(tiny_session: Callable[..., Session], recipe: str, **changes: Any) -> CodeFittingPhase:
    return CodeFittingPhase(tiny_session(recipe, **changes).system)


def test_a_prior_that_learns_by_likelihood_descends_minus_its_log_density(
    tiny_session: Callable[..., Session],
) -> None:
    phase = phase_of(tiny_session, "vae", prior="location")
    kept = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(0))
    noise = phase.noise(5, torch.Generator().manual_seed(1), CPU)
    (move,) = phase.moves(kept, noise)
    codes = kept[:, 0] + torch.exp(0.5 * kept[:, 1]) * noise["posterior"]
    assert move.player == "prior"
    torch.testing.assert_close(move.terms["codes"], -phase.system.prior.log_prob(codes).mean())


def test_point_priors_keep_their_own_loss(tiny_session: Callable[..., Session]) -> None:
    phase = phase_of(tiny_session, "tree-vae")
    (move,) = phase.moves(torch.randn(5, 2, 4), phase.noise(5, torch.Generator(), CPU))
    expected = phase.system.prior.parameter_loss()
    assert expected is not None
    torch.testing.assert_close(move.terms["prior"], expected)


@pytest.mark.parametrize(("encoder", "names"), [("deterministic", set()), ("gaussian", {"posterior"})])
def test_a_prior_that_learns_from_codes_is_trained_as_often_as_it_asks(
    encoder: str, names: set[str], tiny_session: Callable[..., Session]
) -> None:
    prior = {"name": "flow-matching", "hidden": 8, "fits": 2}
    phase = phase_of(tiny_session, "aae", prior=prior, encoder=encoder, regularizer="none")
    noise = phase.noise(5, torch.Generator().manual_seed(1), CPU)
    assert set(noise) == {"matching-0", "matching-1", *names}
    kept = torch.randn(5, 1 + len(names), 4, generator=torch.Generator().manual_seed(0))
    codes = kept[:, 0] + (torch.exp(0.5 * kept[:, 1]) * noise["posterior"] if names else 0)
    moves = list(phase.moves(kept, noise))
    assert len(moves) == 2
    for step, move in enumerate(moves):
        expected = phase.system.prior.code_loss(codes, noise[f"matching-{step}"])
        torch.testing.assert_close(move.terms["codes"], expected)
