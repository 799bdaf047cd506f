import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.evaluation import r_precision


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_all_distractors_as_by_a_loop(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images, texts, others = (torch.randn(n, 5, generator=generator) for n in (6, 6, 9))
    allowed = torch.rand(6, 9, generator=generator) < 0.7
    found = r_precision(images, texts, others, allowed)
    for image, text, may, value in zip(images, texts, allowed, found, strict=True):
        own = torch.cosine_similarity(image, text, dim=0)
        nearer = any(torch.cosine_similarity(image, other, dim=0) > own for other in others[may])
        assert float(value) == (0.0 if nearer else 1.0)


def test_by_chance_it_is_one_in_all() -> None:
    generator = torch.Generator().manual_seed(0)
    images, texts, others = (torch.randn(n, 8, generator=generator) for n in (4000, 4000, 300))
    allowed = torch.ones(4000, 300, dtype=torch.bool)
    share = float(r_precision(images, texts, others, allowed, distractors=9).mean())
    assert share == pytest.approx(0.1, abs=0.02)
    assert share == float(r_precision(images, texts, others, allowed, distractors=9).mean())
    assert share != float(r_precision(images, texts, others, allowed, distractors=9, seed=1).mean())


def test_ties_are_ranked_in_random_order() -> None:
    texts = torch.tensor([[1.0, 0.0]])
    others = torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 1.0], [1.0, 0.1]])
    allowed = torch.tensor([[True, True, True, False]])
    assert r_precision(texts, texts, others, allowed).tolist() == pytest.approx([1 / 3])
    blind = torch.zeros(1, 2)
    assert r_precision(blind, texts, others, allowed).tolist() == pytest.approx([1 / 4]), "it has no direction"
    assert r_precision(texts, texts, others, torch.zeros_like(allowed)).tolist() == [1.0], "there is nothing else"
