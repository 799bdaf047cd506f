"""The prior `flow`."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.distributions import Distribution, Normal

from priorkit.errors import MissingExtraError
from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.training import Session
from priorkit_plugins.flow import FlowOptions, priorkit_priors
from priorkit_plugins.flow.prior import FlowPrior

KINDS = ["realnvp", "coupling-nsf", "maf", "nsf"]

every_kind = pytest.mark.parametrize("kind", KINDS)


def make(kind: str = "realnvp", code_dim: int = 4, condition_dim: int = 0, **options: Any) -> Prior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    assert component.name == "flow"
    options = {"kind": kind, "transforms": 3, "hidden": (16, 16), **options}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return component.build(FlowOptions(**options), PriorContext(code_dim, code_generator, condition_dim))


def jacobian(prior: Prior, code: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
    """f(code) and its Jacobian, by inverting and by autograd: nothing that log_prob uses."""
    made = prior.transform(condition)
    noise = made(code)
    return noise, torch.autograd.functional.jacobian(lambda one: made(one[None])[0], code[0])


@every_kind
@settings(deadline=None, max_examples=5)
@given(code_dim=st.integers(1, 6), seed=st.integers(0, 2**63 - 1))
def test_the_density_is_that_of_the_change_of_variables(kind: str, code_dim: int, seed: int) -> None:
    prior = make(kind, code_dim, condition_dim=2)
    generator = torch.Generator().manual_seed(seed)
    code, condition = torch.randn(1, code_dim, generator=generator), torch.randn(1, 2, generator=generator)
    noise, slopes = jacobian(prior, code, condition)
    expected = Normal(0.0, 1.0).log_prob(noise).sum(1) + torch.linalg.slogdet(slopes.double()).logabsdet
    torch.testing.assert_close(prior.log_prob(code, condition).double(), expected.double(), rtol=1e-3, atol=1e-3)


@every_kind
@pytest.mark.parametrize("code_dim", [1, 2, 5, 64])
def test_codes_are_what_noise_is_made_from(kind: str, code_dim: int) -> None:
    prior = make(kind, code_dim)
    noise = prior.noise(9, generator=torch.Generator().manual_seed(0))
    assert noise.shape == (9, code_dim)
    with torch.no_grad():
        torch.testing.assert_close(prior.transform(None)(prior(noise)), noise, rtol=1e-3, atol=1e-3)


def test_gradients_of_codes_reach_the_parameters() -> None:
    prior = make(code_dim=3)
    prior.sample(8, generator=torch.Generator().manual_seed(0)).square().sum().backward()
    gradients = [weight.grad for weight in prior.parameters()]
    assert sum(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients) > len(gradients) / 2


@every_kind
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**63 - 1))
def test_codes_of_any_scale_have_the_density_of_standardised_ones(kind: str, seed: int) -> None:
    plain, scaled = make(kind), make(kind)
    generator = torch.Generator().manual_seed(seed)
    mean, deviation = 5 * torch.randn(4, generator=generator), 0.01 + torch.rand(4, generator=generator)
    scaled.standardise(mean, deviation)
    noise = torch.randn(9, 4, generator=generator)
    with torch.no_grad():
        codes = scaled(noise)
        torch.testing.assert_close(codes, mean + deviation * plain(noise), rtol=1e-4, atol=1e-4)
        # The density of an affine transform of a variable.
        expected = plain.log_prob((codes - mean) / deviation) - deviation.log().sum()
        torch.testing.assert_close(scaled.log_prob(codes), expected, rtol=1e-3, atol=1e-3)


def test_a_stage_on_codes_standardises_them(tiny_session: Callable[..., Session]) -> None:
    prior = {"name": "flow", "transforms": 1, "hidden": (4,)}
    session = tiny_session("probabilistic-autoencoder", prior=prior, stages="autoencoder:1,code-fitting:1")
    for _ in range(2):
        session.step()
    fitted = session.system.prior
    assert isinstance(fitted, FlowPrior)
    pixels = session.data.train.take(torch.arange(len(session.data.train)))
    codes = session.model.encode(pixels.float() / 127.5 - 1)
    torch.testing.assert_close(fitted.standardisation.mean, codes.mean(0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(fitted.standardisation.deviation, codes.std(0, correction=0), rtol=1e-3, atol=1e-3)


@every_kind
def test_autocast_changes_nothing(kind: str) -> None:
    prior = make(kind)
    noise = prior.noise(9, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        codes = prior(noise)
        exact = prior.log_prob(codes)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(prior(noise), codes)
            assert torch.equal(prior.log_prob(codes), exact)


def test_the_condition_matters_and_is_needed() -> None:
    prior = make(condition_dim=3)
    assert prior.takes_condition
    assert not make().takes_condition
    noise, condition = prior.noise(3, generator=torch.Generator().manual_seed(0)), torch.eye(3)
    codes = prior(noise, condition)
    assert not torch.allclose(codes, prior(noise, condition.roll(1, 0)))
    assert not torch.allclose(prior.log_prob(codes, condition), prior.log_prob(codes, condition.roll(1, 0)))
    for call in (lambda: prior(noise), lambda: prior.log_prob(codes)):
        with pytest.raises(ValueError, match="--condition labels or embedding"):
            call()


def test_it_learns_by_likelihood() -> None:
    prior = make()
    assert prior.learning is Learning.LIKELIHOOD
    assert prior.has_density
    assert all(name.startswith("transform.") for name, _ in prior.named_parameters())


def test_without_zuko_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zuko.flows", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[flows\]'") as error:
        make()
    assert "\n" not in str(error.value)


def test_distributions_go_on_checking_their_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    # zuko turns that off for everybody while it is imported for the first time.
    for name in [name for name in sys.modules if name.split(".")[0] == "zuko"]:
        monkeypatch.delitem(sys.modules, name)
    before = Distribution._validate_args
    try:
        Distribution.set_default_validate_args(True)
        make()
        with pytest.raises(ValueError, match="scale"):
            Normal(0.0, -1.0)
    finally:
        Distribution.set_default_validate_args(before)


def test_widths_are_at_least_1() -> None:
    with pytest.raises(ValueError, match="hidden is 4,0: every width must be at least 1"):
        make(hidden=(4, 0))


@pytest.mark.parametrize("options", [{"kind": "glow"}, {"transforms": 0}, {"hidden": ()}, {"bins": 8}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FlowOptions.model_validate(options)
