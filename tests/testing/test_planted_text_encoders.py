"""The checks of text encoders find planted defects, and explain them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.interfaces import TextEncoder
from priorkit.plugins import TextEncoderContext, caption_words
from priorkit.testing import Report, Situations, check_text_encoder
from priorkit.testing.checks.text_encoders import TEXT_ENCODERS

SITUATIONS = Situations(examples=2)


class Sound(TextEncoder):
    def __init__(self, context: TextEncoderContext) -> None:
        super().__init__()
        self.dim, self.length = 3, 6
        self.numbers = {word: number for number, word in enumerate(context.vocabulary, 2)}
        self.words = nn.Embedding(2 + len(context.vocabulary) + 200, 4, padding_idx=0)
        self.output = nn.Linear(4, 3)

    def token_ids(self, caption: str) -> Sequence[int]:
        words = caption_words(caption)
        if not self.numbers:
            return [2 + sum(map(ord, word)) % 200 for word in words]
        return [self.numbers.get(word, 1) for word in words]

    def unknown(self, caption: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for word in caption_words(caption) if word not in self.numbers))

    def forward(self, tokens: Tensor) -> Tensor:
        mask = (tokens > 0).unsqueeze(-1)
        mean = (self.words(tokens) * mask).sum(1) / mask.sum(1).clamp(min=1)
        vectors: Tensor = self.output(mean)
        return vectors


class SoundAndFrozen(Sound):
    frozen = True

    def __init__(self, context: TextEncoderContext) -> None:
        super().__init__(context)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.words.reset_parameters()
            self.output.reset_parameters()
        self.requires_grad_(False)


class SaysFrozenAndLearns(Sound):
    frozen = True


class NothingToTrain(Sound):
    def __init__(self, context: TextEncoderContext) -> None:
        super().__init__(context)
        self.requires_grad_(False)


class FrozenAsNumber(Sound):
    frozen = 0  # type: ignore[assignment]


class PadsBefore(Sound):
    def tokens(self, captions: Sequence[str]) -> Tensor:
        return super().tokens(captions).flip(1)


class PadsToTheLongest(Sound):
    def tokens(self, captions: Sequence[str]) -> Tensor:
        tokens = super().tokens(captions)
        return tokens[:, : max(1, int((tokens > 0).sum(1).max()))] if len(tokens) else tokens


class NumbersAsTheyCome(Sound):
    def __init__(self, context: TextEncoderContext) -> None:
        super().__init__(context)
        self.numbers = {}

    def token_ids(self, caption: str) -> Sequence[int]:
        return [self.numbers.setdefault(word, 2 + len(self.numbers)) for word in caption_words(caption)]

    def unknown(self, caption: str) -> tuple[str, ...]:
        return ()


class NumbersByChance(Sound):
    def __init__(self, context: TextEncoderContext) -> None:
        super().__init__(context)
        self.places = torch.randperm(2 + len(context.vocabulary) + 200).tolist()

    def token_ids(self, caption: str) -> Sequence[int]:
        return [max(1, self.places[token]) for token in super().token_ids(caption)]


class CutsByItself(Sound):
    def token_ids(self, caption: str) -> Sequence[int]:
        return super().token_ids(caption)[: self.length - 1]

    def is_cut(self, caption: str) -> bool:
        return len(caption_words(caption)) > self.length - 1


class AveragesPadding(Sound):
    def forward(self, tokens: Tensor) -> Tensor:
        vectors: Tensor = self.output(self.words(tokens).mean(1))
        return vectors


class OneVectorForAll(Sound):
    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward((tokens > 0).long())


class OneDimensionLess(Sound):
    def forward(self, tokens: Tensor) -> Tensor:
        vectors = super().forward(tokens)
        return torch.cat([vectors[:, :-1], 0 * vectors[:, -1:] + 1], dim=1)


class UnknownTokens(Sound):
    def unknown(self, caption: str) -> tuple[str, ...]:
        return tuple(str(token) for token in self.token_ids(caption) if token == 1)


class UnknownList(Sound):
    def unknown(self, caption: str) -> tuple[str, ...]:
        return list(super().unknown(caption))  # type: ignore[return-value]


class TakesAnything(Sound):
    def tokens(self, captions: Sequence[str]) -> Tensor:
        return super().tokens([str(caption) for caption in captions])


class ReadsTheNeighbour(Sound):
    def forward(self, tokens: Tensor) -> Tensor:
        vectors = super().forward(tokens)
        return vectors - vectors.mean(0)


PLANTED = [
    (
        SaysFrozenAndLearns,
        {"says_what_it_is", "gradients_reach_what_learns"},
        r"frozen is True, but words\.weight.* would be trained",
    ),
    (NothingToTrain, {"says_what_it_is"}, r"frozen is False, but it has no trainable parameters"),
    (FrozenAsNumber, {"says_what_it_is"}, r"frozen is 0, not True or False"),
    (PadsBefore, {"tokens_have_one_form"}, r"a token follows a 0.*\n.*padding comes before"),
    (PadsToTheLongest, {"tokens_have_one_form"}, r"tokens of 1 captions are torch\.int64 of shape \(1, 2\)"),
    (NumbersAsTheyCome, {"tokens_follow_from_captions"}, "gives other tokens to captions in another order"),
    (NumbersByChance, {"tokens_follow_from_captions"}, "another encoder, built alike after another seed"),
    (CutsByItself, {"long_captions_are_cut"}, r"is_cut of a caption of 5 tokens is True, but length is 6"),
    (AveragesPadding, {"padding_changes_nothing"}, "with 7 more columns of 0"),
    (OneVectorForAll, {"captions_are_told_apart"}, "have different tokens, but the same vector"),
    (OneDimensionLess, {"captions_are_told_apart"}, "dimension 2 of 3 is the same for all captions"),
    (UnknownTokens, {"unknown_words_are_of_the_caption"}, r"names a word twice|which is not in the caption"),
    (UnknownList, {"unknown_words_are_of_the_caption"}, r"is \[.*\], not a tuple of words"),
    (TakesAnything, {"wrong_captions_are_refused"}, r"a text instead of a list is accepted: 'a bird'"),
    (ReadsTheNeighbour, {"samples_are_independent"}, "with the others in its batch"),
]


@pytest.mark.parametrize("sound", [Sound, SoundAndFrozen])
def test_a_sound_one_passes_everything(sound: type[Sound]) -> None:
    report = check_text_encoder(sound, situations=SITUATIONS)
    assert not report.failed, str(report)


@pytest.mark.parametrize(("planted", "checks", "told"), PLANTED, ids=[each[0].__name__ for each in PLANTED])
def test_what_is_planted_is_found(
    planted: type[Sound], checks: set[str], told: str, report_on: Callable[[str, Any, Situations], Report]
) -> None:
    report = report_on("text_encoder", planted, SITUATIONS)
    assert {result.check for result in report.failed} == checks, str(report)
    assert any(re.search(told, str(result)) for result in report.failed), str(report)


def test_every_check_has_been_seen_to_fail() -> None:
    assert {check.name for check in TEXT_ENCODERS} <= set.union(*(checks for _, checks, _ in PLANTED))
