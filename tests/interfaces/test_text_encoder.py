from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from priorkit.interfaces import TextEncoder


class Letters(TextEncoder):
    """A text encoder with a token for each letter; its vector is the number of letters a."""

    dim, length = 1, 5

    def token_ids(self, caption: str) -> Sequence[int]:
        return [ord(letter) - 96 for letter in caption.lower() if "a" <= letter <= "z"]

    def forward(self, tokens: Tensor) -> Tensor:
        return (tokens == 1).sum(dim=1, keepdim=True).float()


@given(st.lists(st.text(max_size=9), max_size=5))
def test_tokens_of_captions_have_one_length(captions: list[str]) -> None:
    encoder = Letters()
    tokens = encoder.tokens(captions)
    assert tokens.dtype == torch.int64
    assert tokens.shape == (len(captions), 5)
    for row, caption in zip(tokens.tolist(), captions, strict=True):
        ids = list(encoder.token_ids(caption))
        assert row == (ids + 5 * [0])[:5]
        assert encoder.is_cut(caption) == (len(ids) > 5)


def test_another_choice_of_tokens_may_be_kept() -> None:
    class KeepsTheLast(Letters):
        def kept_ids(self, caption: str) -> Sequence[int]:
            ids = self.token_ids(caption)
            return ids if len(ids) <= 5 else [*ids[:4], ids[-1]]

    assert KeepsTheLast().tokens(["abcdefgz", "ab"]).tolist() == [[1, 2, 3, 4, 26], [1, 2, 0, 0, 0]]


def test_it_is_trained_and_knows_all_words_unless_it_says_otherwise() -> None:
    assert not Letters.frozen
    assert Letters().unknown("some words") == ()


def test_one_caption_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match=r"captions is a text, 'a bird': give a list of texts, \['a bird'\]"):
        Letters().tokens("a bird")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="a caption is a NoneType, None: captions are texts"):
        Letters().tokens(["a bird", None])  # type: ignore[list-item]
