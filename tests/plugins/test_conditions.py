"""The conditions `none`, `labels`, `categorical` and `embedding`."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, Independent, Normal, OneHotCategorical

from priorkit.interfaces import Condition, ImageSet, Recovery
from priorkit.plugins import ConditionContext
from priorkit_plugins.conditions import (
    CategoricalOptions,
    EmbeddingOptions,
    LabelsOptions,
    priorkit_conditions,
)

BUILDERS = {component.name: component.build for component in priorkit_conditions()}
LABELS = torch.tensor([0, 1, 1, 2, 2, 2])
VECTORS = torch.arange(18.0).view(6, 3)
IMAGES = ImageSet(torch.zeros(6, 1, 16, 16, dtype=torch.uint8), LABELS, embeddings=VECTORS)
CONTEXT = ConditionContext(classes=3, embedding_dim=3, train=IMAGES)

seeds = st.integers(0, 2**32 - 1)


def labels(**options: object) -> Condition:
    return BUILDERS["labels"](LabelsOptions(**options), CONTEXT)


def categorical(**options: object) -> Condition:
    return BUILDERS["categorical"](CategoricalOptions(**options), ConditionContext())


def embedding(**options: object) -> Condition:
    return BUILDERS["embedding"](EmbeddingOptions(**options), CONTEXT)


every = pytest.mark.parametrize("make", [labels, categorical, embedding])


def test_embeddings_are_drawn_from_the_data() -> None:
    drawn = embedding().draw(50, generator=torch.Generator().manual_seed(0))
    assert all(any(torch.equal(row, vector) for vector in VECTORS) for row in drawn)


def test_labels_are_drawn_as_often_as_the_data_has_them() -> None:
    drawn = labels().draw(60_000, generator=torch.Generator().manual_seed(0)).mean(0)
    # Four standard deviations of a share.
    torch.testing.assert_close(drawn, torch.tensor([1 / 6, 2 / 6, 3 / 6]), rtol=0, atol=4 * 0.5 / 60_000**0.5)


def test_categories_are_drawn_equally_often() -> None:
    drawn = categorical(classes=4).draw(60_000, generator=torch.Generator().manual_seed(0)).mean(0)
    torch.testing.assert_close(drawn, torch.full((4,), 0.25), rtol=0, atol=4 * 0.5 / 60_000**0.5)


def test_entries_and_vectors() -> None:
    assert torch.equal(labels().entries(IMAGES), LABELS)
    assert torch.equal(labels().vectors(LABELS), torch.nn.functional.one_hot(LABELS, 3).float())
    assert torch.equal(embedding().vectors(embedding().entries(IMAGES)), VECTORS)
    with pytest.raises(TypeError, match="drawn at random"):
        categorical().entries(IMAGES)


@given(seed=seeds)
def test_recovery_of_a_class_is_its_negative_log_probability(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, classes = torch.randn(5, 3, generator=generator), torch.randint(3, (5,), generator=generator)
    expected = -Categorical(logits=logits).log_prob(classes).mean()
    for condition in (labels(), categorical(classes=3)):
        given_classes = labels().vectors(classes)
        torch.testing.assert_close(condition.recovery_loss(logits, given_classes), expected)
        assert OneHotCategorical(logits=logits).log_prob(given_classes).mean() == pytest.approx(-float(expected))


@given(seed=seeds)
def test_recovery_of_a_vector_is_its_negative_log_density(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mean, vector = torch.randn(5, 3, generator=generator), torch.randn(5, 3, generator=generator)
    expected = -Independent(Normal(mean, torch.ones(3)), 1).log_prob(vector).mean()
    torch.testing.assert_close(embedding().recovery_loss(mean, vector), expected)


def test_continuous_codes_are_uniform_beside_the_class() -> None:
    condition = categorical(classes=4, continuous=2)
    assert (condition.classes, condition.dim) == (4, 6)
    drawn = condition.draw(60_000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn[:, :4].sum(1), torch.ones(60_000))
    codes = drawn[:, 4:]
    assert float(codes.abs().max()) <= 1
    # Uniform in [-1, 1]: mean 0, variance 1/3; five standard errors.
    torch.testing.assert_close(codes.mean(0), torch.zeros(2), rtol=0, atol=5 * 0.58 / 60_000**0.5)
    torch.testing.assert_close(codes.square().mean(0), torch.full((2,), 1 / 3), rtol=0, atol=5 * 0.3 / 60_000**0.5)


@given(seed=seeds)
def test_recovery_of_class_and_codes_is_their_joint_log_density(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    condition = categorical(classes=3, continuous=2)
    said, s = torch.randn(5, 5, generator=generator), condition.draw(5, generator=generator)
    classes = OneHotCategorical(logits=said[:, :3]).log_prob(s[:, :3])
    codes = Independent(Normal(said[:, 3:], torch.ones(2)), 1).log_prob(s[:, 3:])
    torch.testing.assert_close(condition.recovery_loss(said, s), -(classes + codes).mean())


def test_q_that_labels_images_itself_learns_no_continuous_codes() -> None:
    with pytest.raises(ValueError, match=r"continuous is 2, .* use --condition.recovery generated"):
        categorical(continuous=2, recovery="self-labelled")


def test_recovery_is_certain_of_what_it_says_clearly() -> None:
    certain = 100 * torch.eye(3)
    assert float(labels().recovery_loss(certain, torch.eye(3))) == pytest.approx(0, abs=1e-6)
    uncertain = labels().recovery_loss(torch.zeros(3, 3), torch.eye(3))
    assert float(uncertain) == pytest.approx(math.log(3))


def test_who_sees_what() -> None:
    assert labels().seen_by_code_critic
    assert not labels(seen_by_code_critic=False).seen_by_code_critic
    assert labels().recovery is Recovery.REAL
    assert labels(recovery="generated").recovery is Recovery.GENERATED
    assert not categorical().seen_by_code_critic
    assert categorical().recovery is Recovery.GENERATED
    assert embedding().seen_by_image_critic
    assert embedding().mismatched
    assert embedding().recovery is Recovery.NONE


def test_kept_embeddings_are_spread_over_the_data() -> None:
    assert torch.equal(embedding(remembered=3).kept, VECTORS[[0, 2, 4]])
    assert torch.equal(embedding(remembered=8).kept, VECTORS[[0, 1, 2, 3, 4, 5, 0, 1]])


@pytest.mark.parametrize(
    ("name", "options", "context", "message"),
    [
        ("labels", LabelsOptions(), ConditionContext(), "no classes.*--condition categorical"),
        ("labels", LabelsOptions(), ConditionContext(classes=1), "1 class,"),
        ("embedding", EmbeddingOptions(), ConditionContext(), "no embeddings.*train_embeddings"),
    ],
)
def test_data_that_lacks_what_is_needed(name: str, options: object, context: ConditionContext, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BUILDERS[name](options, context)


def test_images_that_lack_what_is_needed() -> None:
    bare = ImageSet(IMAGES.images)
    for make in (labels, embedding):
        with pytest.raises(ValueError, match="the data has no"):
            make().entries(bare)
