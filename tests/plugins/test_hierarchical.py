"""Two levels of codes: the encoder `hierarchical` and the prior `hierarchical-vampprior`."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeSpace, ImageShape
from priorkit.plugins import EncoderContext, PriorContext
from priorkit.training import Session
from priorkit_plugins.conditional_normal import ConditionalNormal, normal_log_prob
from priorkit_plugins.hierarchical_encoder import HierarchicalEncoderOptions, priorkit_encoders
from priorkit_plugins.hierarchical_encoder.encoder import HierarchicalEncoder
from priorkit_plugins.hierarchical_vampprior import HierarchicalVampPriorOptions, priorkit_priors
from priorkit_plugins.hierarchical_vampprior.prior import HierarchicalVampPrior
from priorkit_plugins.mlp_networks.networks import MLPNetworks


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_encoder(code_dim: int = 5, codes: CodeSpace | None = None, **options: Any) -> HierarchicalEncoder:
    (component,) = priorkit_encoders()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = MLPNetworks(ImageShape(1, 4), hidden=8, layers=1)
        context = EncoderContext(networks, code_dim, codes)  # type: ignore[arg-type]
        encoder = component.build(HierarchicalEncoderOptions(hidden=6, **options), context)
        for weight in encoder.parameters():
            nn.init.normal_(weight, std=0.5)
    assert isinstance(encoder, HierarchicalEncoder)
    return encoder


def make_prior(encoder: Any, **options: Any) -> HierarchicalVampPrior:
    (component,) = priorkit_priors()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        context = PriorContext(
            5, _no_code_generator, encoder=encoder, images=lambda n: normal(n, 1, 4, 4, seed=2), train_count=20
        )
        options = {"pseudo_inputs": 4, "start": "images", "hidden": 6, **options}
        prior = component.build(HierarchicalVampPriorOptions(**options), context)
    assert isinstance(prior, HierarchicalVampPrior)
    return prior


def _no_code_generator(noise_dim: int, condition_dim: int) -> Any:
    raise AssertionError("this prior has no code generator")


def test_moments_of_a_conditional_normal_distribution_are_bounded() -> None:
    network = ConditionalNormal(3, 2, hidden=4, layers=1)
    mean, log_variance = network(1e4 * normal(6, 3, seed=0))
    assert mean.shape == log_variance.shape == (6, 2)
    assert log_variance.abs().max() <= 10
    expected = Independent(Normal(mean, torch.exp(0.5 * log_variance)), 1).log_prob(mean + 0.1)
    torch.testing.assert_close(normal_log_prob(mean + 0.1, mean, log_variance), expected)


def test_the_posterior_is_that_of_z2_and_that_of_z1_given_z2() -> None:
    encoder = make_encoder()
    images, noise = normal(6, 1, 4, 4, seed=1), normal(6, 5, seed=2)
    posterior = encoder(images, noise)
    assert encoder.top.code_dim == 2
    below, above = posterior.code.split([3, 2], dim=1)
    top = encoder.top(images)
    torch.testing.assert_close(above, top.mean + torch.exp(0.5 * top.log_variance) * noise[:, 3:])
    mean, log_variance = encoder.bottom(torch.cat([encoder.body(images).relu(), above], 1))
    torch.testing.assert_close(below, mean + torch.exp(0.5 * log_variance) * noise[:, :3])
    expected = Independent(Normal(top.mean, torch.exp(0.5 * top.log_variance)), 1).log_prob(above)
    expected = expected + Independent(Normal(mean, torch.exp(0.5 * log_variance)), 1).log_prob(below)
    torch.testing.assert_close(posterior.log_prob, expected)


def test_without_noise_each_level_is_its_mean() -> None:
    encoder = make_encoder(top_dim=4)
    images = normal(3, 1, 4, 4, seed=1)
    still = encoder(images)
    assert torch.equal(still.code, still.mean)
    torch.testing.assert_close(still.code, encoder(images, torch.zeros(3, 5)).code)
    torch.testing.assert_close(encoder(images, normal(3, 5, seed=2)).mean, still.mean)
    assert torch.equal(still.code[:, 1:], encoder.top(images).mean)


def test_the_prior_is_a_vampprior_of_z2_and_a_normal_of_z1_given_z2() -> None:
    encoder = make_encoder()
    prior = make_prior(encoder, learned_weights=True)
    with torch.no_grad():
        prior.top.logits.copy_(normal(4, seed=3))  # type: ignore[union-attr]
    code = normal(7, 5, seed=4)
    below, above = code.split([3, 2], dim=1)
    top = encoder.top(prior.top.pseudo_inputs.clamp(-1, 1))
    parts = Independent(Normal(top.mean, torch.exp(0.5 * top.log_variance)), 1)
    mixture = MixtureSameFamily(Categorical(logits=prior.top.logits), parts)
    mean, log_variance = prior.bottom(above)
    expected = mixture.log_prob(above) + Independent(Normal(mean, torch.exp(0.5 * log_variance)), 1).log_prob(below)
    torch.testing.assert_close(prior.log_prob(code), expected)
    prior.log_prob(code).mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in prior.parameters())
    assert all(weight.grad is not None for weight in encoder.top.parameters())


def test_a_copy_of_both_refers_to_the_copy() -> None:
    encoder = make_encoder()
    networks = copy.deepcopy({"encoder": encoder, "prior": make_prior(encoder)})
    code = normal(2, 5, seed=4)
    before = networks["prior"].log_prob(code)
    with torch.no_grad():
        encoder.top.body[-1].bias.add_(1)  # type: ignore[index, union-attr, operator]
    assert torch.equal(networks["prior"].log_prob(code), before)
    with torch.no_grad():
        networks["encoder"].top.body[-1].bias.add_(1)
    assert not torch.equal(networks["prior"].log_prob(code), before)


def test_what_does_not_go_together(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ValueError, match="needs an encoder of two levels of codes; use --encoder hierarchical"):
        make_prior(None)
    with pytest.raises(ConfigurationError, match="--encoder hierarchical: its codes are two concatenated vectors"):
        tiny_session("hierarchical-vampprior", code_size=4)
    with pytest.raises(ValueError, match=r"--encoder\.top-dim 5: z1 and z2 share --code-dim 5 dimensions"):
        make_encoder(top_dim=5)
    with pytest.raises(ValueError, match=r"--encoder\.top-dim 0"):
        make_encoder(1)
