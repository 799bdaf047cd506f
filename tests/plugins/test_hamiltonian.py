"""The phase `hamiltonian`."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from linear_model import linear_system, log_marginal
from priorkit.interfaces import System
from priorkit.training import Session
from priorkit_plugins.hamiltonian import HamiltonianOptions
from priorkit_plugins.hamiltonian.leapfrog import Leapfrog
from priorkit_plugins.hamiltonian.phase import HamiltonianPhase
from priorkit_plugins.joint_density import JointDensity

CPU = torch.device("cpu")


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def log_weights(system: System, images: Tensor, seed: int = 0, **options: float) -> Tensor:
    """The bound by one draw of each image, (N,)."""
    joint = JointDensity(system)
    phase = HamiltonianPhase(joint, Leapfrog(2, **options))  # type: ignore[arg-type]
    noise = phase.noise(len(images), torch.Generator().manual_seed(seed), CPU)
    posterior = joint.encoder(images, noise["posterior"])
    return phase.log_weights(images, posterior, noise["momentum"], joint.density(noise)).detach()


@given(steps=st.integers(1, 5), beta=st.floats(0.1, 1.0), size=st.floats(0.01, 0.4), seed=st.integers(0, 2**62))
@settings(max_examples=15, deadline=None)
def test_the_change_of_volume_is_that_of_the_momentum(steps: int, beta: float, size: float, seed: int) -> None:
    leapfrog = Leapfrog(3, steps=steps, step_size=size, largest_step=0.5, inverse_temperature=beta)

    def moved(start: Tensor) -> Tensor:
        # From z_0 and the noise of rho_0 to z_K and rho_K: all volumes are kept.
        position, noise = start[None].chunk(2, dim=1)
        return torch.cat(leapfrog(position, leapfrog.first_momentum(noise), lambda z: -torch.sinh(z)), 1)[0]

    jacobian = torch.autograd.functional.jacobian(moved, normal(6, seed=seed))
    assert torch.linalg.slogdet(jacobian.double())[1].item() == pytest.approx(0, abs=1e-3)


def test_leapfrog_steps_against_plain_numbers() -> None:
    leapfrog = Leapfrog(1, steps=2, step_size=0.2, largest_step=0.5, inverse_temperature=0.25)
    z, rho = 1.0, 0.5 / math.sqrt(0.25)
    roots = [2.0, (1 - 2.0) * 0.25 + 2.0, 1.0]
    for k in (1, 2):
        rho -= 0.1 * z
        z += 0.2 * rho
        rho -= 0.1 * z
        rho *= roots[k] / roots[k - 1]
    start = leapfrog.first_momentum(torch.tensor([[0.5]]))
    position, momentum = leapfrog(torch.tensor([[1.0]]), start, lambda value: -value)
    assert [position.item(), momentum.item()] == pytest.approx([z, rho], rel=1e-5)


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_the_weights_have_the_likelihood_as_their_mean(beta: float) -> None:
    system = linear_system()
    images = normal(3, 1, 2, 2, seed=5)
    weights = log_weights(system, images.repeat_interleave(100_000, 0), step_size=0.2, inverse_temperature=beta).view(
        3, -1
    )
    estimate = weights.double().logsumexp(1) - math.log(100_000)
    torch.testing.assert_close(estimate, log_marginal(system, images), rtol=0, atol=0.08)


def test_moving_codes_tightens_the_bound() -> None:
    system = linear_system()
    images = normal(5, 1, 2, 2, seed=5).repeat(2000, 1, 1, 1)
    still = log_weights(system, images, step_size=1e-4, inverse_temperature=1.0, steps=1).mean().item()
    moved = log_weights(system, images, step_size=0.2, inverse_temperature=0.5, steps=6).mean().item()
    truth = log_marginal(system, images[:5]).mean().item()
    assert still + 0.1 < moved < truth + 0.02


def test_steps_that_go_nowhere_give_the_elbo() -> None:
    system = linear_system()
    images = normal(5, 1, 2, 2, seed=5)
    joint = JointDensity(system)
    found = log_weights(system, images, step_size=1e-6, inverse_temperature=1.0)
    generated = HamiltonianPhase(joint, Leapfrog(2)).noise(5, torch.Generator().manual_seed(0), CPU)["posterior"]
    posterior = joint.encoder(images, generated)
    assert posterior.log_variance is not None
    density = torch.distributions.Normal(posterior.mean, torch.exp(0.5 * posterior.log_variance))
    expected = joint.log_likelihood(images, posterior.code) + joint.density({})(posterior.code)
    expected = expected - density.log_prob(posterior.code).sum(1)
    torch.testing.assert_close(found, expected.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_everything_learns_and_nothing_else(
    precision: str, tiny_session: Callable[..., Session], turns_of: Callable[[Session, str], list[Any]]
) -> None:
    prior = {"name": "mixture", "learned": True}
    session = tiny_session("hamiltonian-vae", prior=prior, precision=precision)
    before = {name: value.clone() for name, value in session.weights().items() if name.startswith("leapfrog/")}
    assert set(before) == {"leapfrog/step_logits", "leapfrog/temperature_logit"}
    turns = turns_of(session, "hamiltonian")
    trained = {"encoder", "decoder", "prior"}
    assert [(turn.player, turn.terms, turn.trained - {"leapfrog"}) for turn in turns] == [
        ("autoencoder", {"negative_bound"}, trained)
    ]
    after = session.weights()
    assert all(not torch.equal(value, after[name]) for name, value in before.items())


def test_step_sizes_are_bounded() -> None:
    leapfrog = Leapfrog(3, step_size=0.1, largest_step=0.4)
    torch.testing.assert_close(leapfrog.step_sizes, torch.full((3,), 0.1))
    with torch.no_grad():
        leapfrog.step_logits.fill_(100)
    assert (leapfrog.step_sizes <= 0.4).all()
    with pytest.raises(ValidationError, match=r"step_size is 0.5 and largest_step is 0.5: the initial size"):
        HamiltonianOptions(step_size=0.5)
