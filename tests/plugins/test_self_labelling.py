"""The loss of a classifier that finds classes by itself."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical, kl_divergence

from priorkit.interfaces import Condition, Recovery
from priorkit.plugins import ConditionContext
from priorkit_plugins.conditions import CategoricalOptions, priorkit_conditions
from priorkit_plugins.conditions.self_labelling import SelfLabelling

BUILDERS = {component.name: component.build for component in priorkit_conditions()}
seeds = st.integers(0, 2**32 - 1)


def categorical(**options: object) -> Condition:
    return BUILDERS["categorical"](CategoricalOptions(**options), ConditionContext())


@given(seed=seeds, n=st.integers(1, 6), k=st.integers(2, 5))
@settings(deadline=None)
def test_terms_are_those_of_the_distributions(seed: int, n: int, k: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, changed = (3 * torch.randn(n, k, generator=generator) for _ in range(2))
    terms = SelfLabelling(information=0.2, balance=3.0, consistency=0.5).terms(logits, changed)
    q = Categorical(logits=logits)
    marginal = Categorical(probs=q.probs.mean(0)).entropy()
    torch.testing.assert_close(terms["information"], -0.2 * (3 * marginal - q.entropy().mean()))
    expected = 0.5 * kl_divergence(q, Categorical(logits=changed)).mean()
    torch.testing.assert_close(terms["consistency"], expected, atol=1e-6, rtol=1e-5)


def test_only_what_q_says_of_the_changed_image_learns_to_be_consistent() -> None:
    logits, changed = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
    terms = SelfLabelling().terms(logits, changed)
    first, second = torch.autograd.grad(terms["consistency"], [logits, changed], allow_unused=True)
    assert first is None
    assert second is not None


def test_classes_that_nobody_has_leave_no_trace_but_numbers() -> None:
    logits = torch.tensor([[1e4, 0.0, 0.0]] * 3, requires_grad=True)
    terms = SelfLabelling().terms(logits, logits.roll(1, dims=1))
    assert all(bool(term.isfinite()) for term in terms.values())
    (gradient,) = torch.autograd.grad(sum(terms.values()), logits)
    assert bool(gradient.isfinite().all())


def test_options_reach_the_loss() -> None:
    even = 50 * torch.eye(4)
    one = categorical(classes=4, recovery="self-labelled")
    assert one.recovery is Recovery.SELF_LABELLED
    assert one.needs_whole_batch
    assert float(one.self_labelling_terms(even, even)["information"]) == pytest.approx(-0.1 * 4 * math.log(4))
    other = categorical(classes=4, recovery="self-labelled", information=0.5, balance=1.0, consistency=2.0)
    terms = other.self_labelling_terms(even, torch.zeros(4, 4))
    assert float(terms["information"]) == pytest.approx(-0.5 * math.log(4))
    assert float(terms["consistency"]) == pytest.approx(2 * math.log(4))


def test_changes_are_chosen() -> None:
    images = torch.rand(2, 3, 16, 16)
    changed = []
    for name in ("affine", "photograph"):
        condition = categorical(recovery="self-labelled", changes=name)
        noise = condition.change_noise(2, generator=torch.Generator().manual_seed(0))
        assert noise.min() < 0 < noise.max()
        assert noise.abs().max() <= 1
        changed.append(condition.changed(images, noise))
    assert not torch.equal(*changed)


def test_a_q_that_learns_from_generated_images_changes_none() -> None:
    condition = categorical()
    assert condition.recovery is Recovery.GENERATED
    assert not condition.needs_whole_batch
    with pytest.raises(TypeError, match="does not learn without labels"):
        condition.change_noise(2)
    with pytest.raises(TypeError, match="does not learn without labels"):
        condition.changed(torch.zeros(2, 1, 16, 16), torch.zeros(2, 5))
    with pytest.raises(TypeError, match="no loss"):
        condition.self_labelling_terms(torch.zeros(2, 10), torch.zeros(2, 10))
