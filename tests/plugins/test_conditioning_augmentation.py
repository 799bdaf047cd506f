"""Conditioning augmentation of the prior `learned`."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Independent, Normal, kl_divergence

from priorkit.interfaces import Prior
from priorkit.plugins import CodeGeneratorContext, PriorContext
from priorkit.registry import installed_plugins
from priorkit.training import Session
from priorkit_plugins.learned import LearnedOptions, priorkit_priors
from priorkit_plugins.learned.conditioning_augmentation import ConditioningAugmentation

seeds = st.integers(0, 2**31)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def augmentation(dim: int, seed: int = 0) -> ConditioningAugmentation:
    torch.manual_seed(seed)
    return ConditioningAugmentation(dim)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, dim=st.integers(1, 6))
def test_the_divergence_is_that_of_normal_distributions(seed: int, dim: int) -> None:
    made, condition = augmentation(dim, seed), 3 * drawn(seed, 5, dim)
    mean, log_variance = made.moments(condition)
    near = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    standard = Independent(Normal(torch.zeros(dim), torch.ones(dim)), 1)
    torch.testing.assert_close(made.divergence(condition), kl_divergence(near, standard).mean() / dim)


def test_draws_are_of_that_distribution() -> None:
    made, condition = augmentation(3), drawn(1, 1, 3)
    mean, log_variance = made.moments(condition)
    with torch.no_grad():
        draws = made(condition.expand(100_000, 3), drawn(2, 100_000, 3))
    torch.testing.assert_close(draws.mean(0), mean[0], atol=0.02, rtol=0.02)
    torch.testing.assert_close(draws.var(0), log_variance[0].exp(), atol=0.02, rtol=0.02)


def learned(condition_dim: int = 3, **options: float) -> Prior:
    generators = {item.component.name: item.component for item in installed_plugins().components("code_generator")}
    mlp = generators["mlp"]
    torch.manual_seed(0)
    (component,) = priorkit_priors()
    context = PriorContext(
        4, lambda noise, s: mlp.build(mlp.options(), CodeGeneratorContext(noise + s, 4, s)), condition_dim
    )
    return component.build(LearnedOptions(noise_dim=5, **options), context)


def test_what_is_drawn_around_s_is_part_of_the_noise() -> None:
    prior = learned(conditioning_augmentation=2.0).eval()
    noise, condition = drawn(3, 1, 8), drawn(4, 2, 3)
    assert prior.noise(2).shape == (2, 8)
    with torch.no_grad():
        codes = prior(noise.expand(2, 8), condition)
        assert torch.equal(codes, prior(noise.expand(2, 8), condition))
        others = prior(torch.cat([noise[:, :5], drawn(5, 1, 3)], dim=1).expand(2, 8), condition)
    assert not torch.isclose(codes, others).any()
    loss = prior.condition_loss(condition)
    assert loss is not None
    torch.testing.assert_close(loss, 2 * prior.augmentation.divergence(condition))


def test_without_it_nothing_is_drawn_and_nothing_more_is_minimised() -> None:
    prior = learned()
    assert prior.noise(2).shape == (2, 5)
    assert prior.condition_loss(drawn(0, 2, 3)) is None
    assert not any("augmentation" in name for name in prior.state_dict())


def test_it_needs_a_condition() -> None:
    with pytest.raises(ValueError, match="conditioning_augmentation is 2, but the run has no condition"):
        learned(0, conditioning_augmentation=2.0)


@pytest.mark.parametrize("changes", [{}, {"regularizer": {"name": "adversarial", "prior_weight": 1.0}}])
def test_it_learns_with_the_code_generator_and_d_i_is_shown_s(
    tiny_session: Callable[..., Session], changes: dict[str, object]
) -> None:
    prior = {"name": "learned", "conditioning_augmentation": 2.0}
    session = tiny_session("learned", prior=prior, condition="embedding", **changes)
    augmented = session.system.prior.augmentation
    before = [weight.clone() for weight in augmented.parameters()]
    order, vectors, seen = session.source.batches.order, session.data.train.embeddings, []
    session.system.image_critic.head.register_forward_pre_hook(lambda module, given: seen.append(given[0][:, -3:]))
    session.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, augmented.parameters(), strict=True))
    own, others = vectors[order.batch(0, 6)], vectors[order.batch(6, 6)]
    # Real images, the same with others' s, generated ones, and these again in the move of those who fool D_I.
    assert [torch.equal(shown, own) for shown in seen] == [True, False, True, True]
    assert torch.equal(seen[1], others)
    told = {name for name in session.engine.losses(reset=True) if name.endswith("/conditioning")}
    assert told == {"prior_improvement/conditioning"} | ({"code_imitation/conditioning"} if changes else set())
