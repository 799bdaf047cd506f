"""Scores of indices of a codebook."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.evaluation import EvaluationSettings, codebook_use, evaluate_model
from priorkit.training import Session

NAMES = ("codebook-use", "codebook-perplexity")


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), entries=st.integers(2, 9), codebooks=st.integers(1, 3))
def test_use_and_perplexity(seed: int, entries: int, codebooks: int) -> None:
    indices = torch.randint(entries, (7, 2 * codebooks), generator=torch.Generator().manual_seed(seed))
    use, perplexity = codebook_use(indices, entries, codebooks)
    uses, perplexities = [], []
    for book in range(codebooks):
        own = indices[:, 2 * book : 2 * book + 2].flatten().tolist()
        shares = [own.count(entry) / len(own) for entry in set(own)]
        uses.append(len(shares) / entries)
        perplexities.append(math.exp(-sum(share * math.log(share) for share in shares)))
    assert use == pytest.approx(sum(uses) / codebooks)
    assert perplexity == pytest.approx(sum(perplexities) / codebooks)


def test_a_codebook_that_is_used_evenly() -> None:
    assert codebook_use(torch.arange(8).view(2, 4), 8) == pytest.approx((1.0, 8.0))


def scores(session: Session) -> dict[str, tuple[float | None, str]]:
    found = evaluate_model(session.model, session.data, settings=EvaluationSettings(NAMES, samples=40))
    return {score.name: (score.value, score.note) for score in found}


def test_scores_of_a_quantising_model(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session(
        "vae",
        encoder={"name": "residual-vq", "entries": 4},
        prior="index-frequencies",
        networks={"name": "mlp", "hidden": 8},
        regularizer="none",
        loss="pixel",
        code_dim=2,
        code_size=4,
        stages="autoencoder:2,code-fitting:1",
    )
    for _ in range(3):
        session.step()
    found = scores(session)
    pixels = session.data.test.take(torch.arange(len(session.data.test))[:40])
    indices = session.model.encode(pixels.float() / 127.5 - 1)
    if len(session.data.test) <= 40:
        assert found["codebook-use"][0] == pytest.approx(codebook_use(indices, 4, 2)[0])
    assert found["codebook-use"][1] == "of 4 entries each, mean of 2 codebooks"
    perplexity = found["codebook-perplexity"][0]
    assert perplexity is not None
    assert 1 <= perplexity <= 4


def test_other_codes_have_none(tiny_session: Callable[..., Session]) -> None:
    found = scores(tiny_session("vae"))
    assert set(found.values()) == {(None, "codes are no indices of a codebook")}
