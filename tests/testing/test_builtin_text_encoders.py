"""Every built-in text encoder keeps its contract; pretrained encoders read small models in the same file formats."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from priorkit.testing import Case, Situations
from quick_choices import contracts
from stand_in_text_models import sentence_transformers, write_model_folder, write_word_llama

BRIEFLY = Situations(examples=2)

CASES = [
    Case("text_encoder", "gru", {"dim": 5, "word_dim": 4, "length": 9}, situations=BRIEFLY),
    Case(
        "text_encoder",
        "gru",
        {"dim": 3, "word_dim": 4, "bidirectional": False, "pooling": "last", "dropout": 0.5},
        situations=BRIEFLY,
    ),
    Case("text_encoder", "char-cnn-rnn", {"dim": 5, "channels": (4, 5, 6)}, situations=BRIEFLY),
]
STATIC = [Case("text_encoder", "static", {"dim": 8, "length": 9}, situations=BRIEFLY)]
SENTENCE_TRANSFORMER = [
    Case("text_encoder", "sentence-transformer", {"path": Path("model"), "dim": 5, "length": 9}, situations=BRIEFLY)
]


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Writes models to files in the working directory; they need optional packages."""
    root = tmp_path_factory.mktemp("models")
    write_word_llama(root)
    write_model_folder(root / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.syspath_prepend(str(root))
        patch.delitem(sys.modules, "wordllama", raising=False)
        patch.setitem(sys.modules, "sentence_transformers", sentence_transformers())
        yield


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


@contracts(STATIC)
def test_static_conforms(check: Callable[[], None]) -> None:
    pytest.importorskip("tokenizers")
    check()


@contracts(SENTENCE_TRANSFORMER)
def test_sentence_transformer_conforms(check: Callable[[], None]) -> None:
    check()


def test_no_built_in_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    assert built_in("text_encoder") == {case.subject for case in (*CASES, *STATIC, *SENTENCE_TRANSFORMER)}
