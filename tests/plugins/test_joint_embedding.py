"""The losses that bring images and their captions together."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from priorkit_plugins.joint_embedding import contrastive_loss, matching_pairs, structured_hinge_loss

LOSSES = (contrastive_loss, structured_hinge_loss)


def drawn(seed: int, n: int, dim: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images, texts = torch.randn(2, n, dim, generator=generator)
    matching = torch.rand(n, n, generator=generator) < 0.3
    return images, texts, matching | torch.eye(n, dtype=torch.bool)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@given(st.integers(0, 2**63 - 1), st.integers(1, 6), st.floats(0.05, 2))
def test_contrastive_loss_of_its_definition(seed: int, n: int, temperature: float) -> None:
    images, texts, matching = drawn(seed, n)
    one, other, same = images.double().numpy(), texts.double().numpy(), matching.numpy()
    terms = []
    for i in range(n):
        own = cosine(one[i], other[i]) / temperature
        of_texts = [cosine(one[i], other[j]) / temperature for j in range(n) if j == i or not same[i, j]]
        of_images = [cosine(one[j], other[i]) / temperature for j in range(n) if j == i or not same[j, i]]
        terms += [np.logaddexp.reduce(scores) - own for scores in (of_texts, of_images)]
    found = contrastive_loss(images, texts, matching, temperature)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-4, abs=1e-5)


@given(st.integers(0, 2**63 - 1), st.integers(1, 6), st.floats(0, 2), st.booleans())
def test_hinge_loss_of_its_definition(seed: int, n: int, margin: float, hardest: bool) -> None:
    images, texts, matching = drawn(seed, n)
    scores, same = (images.double() @ texts.double().T).numpy(), matching.numpy()
    total = 0.0
    for i in range(n):
        for terms in (
            [max(0, margin + scores[i, j] - scores[i, i]) for j in range(n) if not same[i, j]],
            [max(0, margin + scores[j, i] - scores[i, i]) for j in range(n) if not same[j, i]],
        ):
            if terms:
                total += (max(terms) if hardest else np.mean(terms)) / n
    found = structured_hinge_loss(images, texts, matching, margin, hardest=hardest)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(total, rel=1e-4, abs=1e-5)


def test_closed_forms() -> None:
    own = torch.eye(3, dtype=torch.bool)
    # Pairs that nothing tells apart: each of three is as likely.
    assert float(contrastive_loss(torch.ones(3, 2), torch.ones(3, 2), own)) == pytest.approx(math.log(3))
    assert float(structured_hinge_loss(torch.ones(3, 2), torch.ones(3, 2), own, 0.5)) == pytest.approx(1.0)
    # Pairs at right angles, at temperature 1: log(1 + 2 / e).
    assert float(contrastive_loss(torch.eye(3), 5 * torch.eye(3), own, 1.0)) == pytest.approx(math.log(1 + 2 / math.e))
    assert float(structured_hinge_loss(torch.eye(3), torch.eye(3), own)) == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_where_all_pairs_match_there_is_nothing_to_learn(loss) -> None:
    images, texts, _ = drawn(0, 3)
    texts.requires_grad_()
    found = loss(images, texts, torch.ones(3, 3, dtype=torch.bool))
    found.backward()
    assert float(found.detach()) == 0
    assert texts.grad is not None
    assert not texts.grad.any()


@pytest.mark.parametrize("loss", LOSSES)
def test_descending_it_brings_pairs_together(loss) -> None:
    images, texts, _ = drawn(1, 5, dim=8)
    texts.requires_grad_()
    own = torch.eye(5, dtype=torch.bool)
    for _ in range(200):
        (gradient,) = torch.autograd.grad(loss(images, texts, own), texts)
        with torch.no_grad():
            texts -= 0.3 * gradient
    assert (images @ torch.nn.functional.normalize(texts, dim=1).T).argmax(dim=0).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("loss", LOSSES)
def test_images_and_texts_may_be_exchanged_and_computed_in_half_precision(loss) -> None:
    images, texts, matching = drawn(2, 6)
    expected = loss(images, texts, matching)
    torch.testing.assert_close(loss(texts, images, matching.T), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(images, texts, matching), expected)
        assert loss(images.bfloat16(), texts.bfloat16(), matching).dtype == torch.float32


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("texts", "matching"),
    [
        (torch.zeros(3, 5), torch.eye(3, dtype=torch.bool)),
        (torch.zeros(3, 4), torch.eye(3)),
        (torch.zeros(3, 4), torch.ones(3, 2, dtype=torch.bool)),
    ],
)
def test_wrong_shapes_are_refused(loss, texts: Tensor, matching: Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, dim\) twice, and bool \(N, N\)"):
        loss(torch.zeros(3, 4), texts, matching)


def test_pairs_match_by_the_caption_or_by_the_image() -> None:
    tokens = torch.tensor([[1, 2], [1, 0], [1, 2], [3, 0]])
    indices = torch.tensor([7, 8, 9, 8])
    assert matching_pairs(tokens, indices).long().tolist() == [
        [1, 0, 1, 0],
        [0, 1, 0, 1],
        [1, 0, 1, 0],
        [0, 1, 0, 1],
    ]
