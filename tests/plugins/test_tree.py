"""The prior `tree`."""

import math
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.distributions import Beta, Normal, SigmoidTransform, TransformedDistribution

from priorkit.interfaces import Learning
from priorkit.plugins import PriorContext
from priorkit_plugins.tree import TreeOptions, priorkit_priors
from priorkit_plugins.tree.prior import TreePrior

seeds = st.integers(0, 2**63 - 1)


def make(code_dim: int = 2, train_count: int = 1, seed: int = 0, **options: Any) -> TreePrior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    assert component.name == "tree"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        context = PriorContext(code_dim, code_generator, train_count=train_count)
        prior = component.build(TreeOptions(**options), context)
    assert isinstance(prior, TreePrior)
    return prior


def with_random_sticks(prior: TreePrior, seed: int) -> TreePrior:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for logits in prior.sticks:
            logits.copy_(torch.randn(logits.shape, generator=generator))
    return prior


def leaves_by_walking(prior: TreePrior, depth: int, branching: int) -> list[tuple[float, Tensor]]:
    """Weight and mean of every leaf, found by walking down from the root: a stick broken at every node."""
    found = []
    for path in product(range(branching), repeat=depth):
        weight, mean, node = 1.0, prior.offsets[0][0], 0
        for level, child in enumerate(path):
            sizes = torch.sigmoid(prior.sticks[level][node].double()).tolist()
            stick = 1.0
            for size in sizes[:child]:
                stick *= 1 - size
            weight *= stick * (sizes[child] if child < len(sizes) else 1.0)
            node = node * branching + child
            mean = mean + prior.offsets[level + 1][node]
        found.append((weight, mean))
    return found


@settings(deadline=None, max_examples=20)
@given(depth=st.integers(1, 3), branching=st.integers(2, 4), code_dim=st.integers(1, 5), seed=seeds)
def test_the_density_is_that_of_a_walk_down_the_tree(depth: int, branching: int, code_dim: int, seed: int) -> None:
    prior = with_random_sticks(make(code_dim, seed=seed, depth=depth, branching=branching, leaf_std=0.7), seed)
    assert prior.clusters == branching**depth
    leaves = leaves_by_walking(prior, depth, branching)
    assert sum(weight for weight, _ in leaves) == pytest.approx(1)
    codes = torch.randn(4, code_dim, generator=torch.Generator().manual_seed(seed))
    parts = torch.stack([math.log(w) + Normal(mean, 0.7).log_prob(codes).sum(1) for w, mean in leaves], dim=1)
    torch.testing.assert_close(prior.log_prob(codes), parts.logsumexp(1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(prior.responsibilities(codes), parts.softmax(1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(prior.distribution().log_prob(codes), prior.log_prob(codes), rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=20)
@given(
    depth=st.integers(1, 3),
    branching=st.integers(2, 3),
    concentration=st.floats(0.2, 5),
    train_count=st.integers(1, 1000),
    seed=seeds,
)
def test_the_parameters_own_density(
    depth: int, branching: int, concentration: float, train_count: int, seed: int
) -> None:
    options = {"depth": depth, "branching": branching, "concentration": concentration}
    prior = with_random_sticks(make(2, train_count, seed, node_std=1.5, node_decay=0.6, **options), seed)
    means = prior.means()
    total = Normal(0.0, 1.5).log_prob(means[0]).sum().double()
    for level in range(1, depth + 1):
        parents = means[level - 1].repeat_interleave(branching, 0)
        total = total + Normal(parents, 1.5 * 0.6**level).log_prob(means[level]).sum()
    for logits in prior.sticks:
        # Beta(1, gamma), carried over to logits.
        stick = Beta(torch.tensor(1.0).double(), torch.tensor(concentration).double())
        total = total + TransformedDistribution(stick, SigmoidTransform().inv).log_prob(logits.double()).sum()
    found = prior.parameter_loss()
    assert found.shape == ()
    torch.testing.assert_close(found.double(), -total / train_count, rtol=1e-4, atol=1e-4)


def test_leaves_start_near_each_other_and_siblings_nearest() -> None:
    # Every dimension is a draw of its own. Its leaves have the covariance that their common ancestors make.
    (leaves,) = make(4000, depth=2, branching=2, node_decay=0.5).means()[-1:]
    expected = torch.full((4, 4), 1.0)
    expected[:2, :2] = expected[2:, 2:] = 1.25
    expected += 0.0625 * torch.eye(4)
    # A tenth as far apart as the tree's own density has them; six standard errors of a variance.
    assert ((10 * leaves.detach()).cov() - expected).abs().max() < 6 * 1.32 * math.sqrt(2 / 4000)


def test_sticks_settle_at_their_expected_size() -> None:
    prior = make(depth=1, branching=3, concentration=3.0)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        prior.parameter_loss().backward()
        optimizer.step()
    torch.testing.assert_close(torch.sigmoid(prior.sticks[0]), torch.full((1, 2), 0.25), rtol=0, atol=1e-3)
    assert max(float(offsets.detach().abs().max()) for offsets in prior.offsets) < 0.01


@pytest.mark.parametrize("branching", [2, 3, 5])
def test_at_the_start_all_leaves_weigh_the_same(branching: int) -> None:
    leaves = leaves_by_walking(make(depth=2, branching=branching), 2, branching)
    assert [weight for weight, _ in leaves] == pytest.approx([branching**-2] * branching**2)


def test_it_learns_by_likelihood() -> None:
    prior = make()
    assert prior.learning is Learning.LIKELIHOOD
    assert prior.has_density
    assert prior.clusters == 27
    gradients = torch.autograd.grad(prior.parameter_loss(), list(prior.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize(
    "options",
    [
        {"depth": 0},
        {"branching": 1},
        {"concentration": 0},
        {"leaf_std": 0},
        {"node_decay": 1.5},
        {"depth": 13, "branching": 2},
        {"depth": 10**9},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TreeOptions.model_validate(options)
