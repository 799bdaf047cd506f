from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from priorkit.exploring.text_reading import TextReading, read_texts_in_browsers, token_table
from priorkit.exporting import onnx_runner
from priorkit.interfaces import Condition, ImageSet
from priorkit.plugins import caption_words
from priorkit.runs import Run, load_run_data

CAPTIONS = ["A red flower", "a blue bird's wing, and a RED one", "two"]


class ReadingCondition(Condition):
    """s of texts whose tokens a function finds."""

    dim, reads_text, several_entries, from_data = 2, True, True, True

    def __init__(self, token_ids: Callable[[str], Sequence[int]], length: int = 12) -> None:
        super().__init__()
        self.token_ids, self.length = token_ids, length
        self.table = nn.Embedding(5000, 2)

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.zeros(n, 2)

    def entries(self, images: ImageSet) -> Tensor:
        assert images.captions is not None
        rows = torch.zeros(len(images), 1, self.length, dtype=torch.int64)
        for row, texts in zip(rows, images.captions, strict=True):
            kept = list(self.token_ids(texts[0]))[: self.length]
            row[0, : len(kept)] = torch.tensor(kept, dtype=torch.int64)
        return rows

    def vectors(self, entries: Tensor) -> Tensor:
        found: Tensor = self.table(entries).sum(1)
        return found

    def of_texts(self, texts: Sequence[str]) -> Tensor:
        rows = torch.zeros(len(texts), self.length, dtype=torch.int64)
        for row, text in zip(rows, texts, strict=True):
            kept = list(self.token_ids(text))[: self.length]
            row[: len(kept)] = torch.tensor(kept, dtype=torch.int64)
        return self.vectors(rows)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        raise AssertionError("nothing is trained")


def by_words(text: str) -> list[int]:
    known = {word: place for place, word in enumerate(["a", "red", "flower", "blue", "bird's", "wing"], 2)}
    return [known.get(word, 1) for word in caption_words(text)]


def by_characters(text: str) -> list[int]:
    return [ord(letter) - 31 for letter in text.lower()]


def by_pieces(text: str) -> list[int]:
    return [3 + len(word) % 7 for word in caption_words(text) for _ in range(1 + len(word) // 3)]


def by_their_number(text: str) -> list[int]:
    return [len(text)] * len(caption_words(text))


@pytest.mark.parametrize(("token_ids", "parts"), [(by_words, "words"), (by_characters, "characters")])
def test_tables_give_the_conditions_tokens(token_ids: Callable[[str], list[int]], parts: str) -> None:
    condition = ReadingCondition(token_ids)
    table = token_table(condition, CAPTIONS, ["red"])
    assert table is not None
    assert table.parts == parts
    for text in [*CAPTIONS, "a red wing", "A BIRD'S flower and a wing, a wing, a wing, a wing, a wing"]:
        assert table.of(text) == token_ids(text)[:12]


@pytest.mark.parametrize("token_ids", [by_pieces, by_their_number])
def test_other_ways_have_no_table(token_ids: Callable[[str], list[int]]) -> None:
    assert token_table(ReadingCondition(token_ids), CAPTIONS, []) is None
    reason = read_texts_in_browsers(ReadingCondition(token_ids), CAPTIONS, [])
    assert isinstance(reason, str)
    assert "pieces" in reason


def test_the_network_computes_what_torch_does(text_run: Run) -> None:
    data = load_run_data(text_run)
    condition = text_run.model.reading_condition()
    assert data.test.captions is not None
    captions = data.test.captions.distinct()
    found = read_texts_in_browsers(condition, captions, text_run.environment["data"]["vocabulary"])
    assert isinstance(found, TextReading), found
    compute = onnx_runner(found.graph)
    assert compute is not None
    for text in captions[:3]:
        tokens = torch.zeros(1, found.table.length, dtype=torch.int64)
        read = found.table.of(text)
        tokens[0, : len(read)] = torch.tensor(read)
        torch.testing.assert_close(compute([tokens]), condition.of_texts([text]), atol=1e-4, rtol=1e-4)


def test_without_captions_there_is_nothing_to_try() -> None:
    assert "no captions" in str(read_texts_in_browsers(ReadingCondition(by_words), [], []))


def test_an_encoder_that_does_not_export_says_why() -> None:
    class Refusing(ReadingCondition):
        def vectors(self, entries: Tensor) -> Tensor:
            if int(entries.sum()) > 3:
                return super().vectors(entries)
            return super().vectors(entries) + 1

    reason = read_texts_in_browsers(Refusing(by_words), CAPTIONS, [])
    assert isinstance(reason, str)
    assert "cannot be exported" in reason
