import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from priorkit.errors import ConfigurationError, MissingExtraError
from priorkit.interfaces import TextEncoder
from priorkit.plugins import TextEncoderContext
from priorkit.registry import installed_plugins
from stand_in_text_models import WORDS, write_word_llama

VECTORS, TOKENIZER = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"


def make(**options: Any) -> TextEncoder:
    component = installed_plugins().get("text_encoder", "static").component
    encoder: TextEncoder = component.build(component.options(**options), TextEncoderContext())
    return encoder


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Those of a small package in the place of wordllama."""
    pytest.importorskip("tokenizers")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "wordllama", raising=False)
    return write_word_llama(tmp_path)


@pytest.mark.parametrize("dim", [3, 256])
def test_the_vector_of_a_caption_is_the_mean_of_its_tokens(dim: int, vectors: Tensor) -> None:
    encoder = make(dim=dim, length=4)
    tokens = encoder.tokens(["A  red\nbird", "blue", "", "red red red red blue"])
    assert (tokens - 1).clamp(min=-1).tolist() == [[2, 5, 3, -1], [7, -1, -1, -1], [-1] * 4, [5] * 4]
    exact = vectors[:, :dim].float()
    expected = torch.stack([exact[[2, 5, 3]].mean(0), exact[7], torch.zeros(dim), exact[5]])
    torch.testing.assert_close(encoder(tokens), expected)
    assert encoder.is_cut("red red red red blue")
    assert not encoder.is_cut("red red red red")
    assert (encoder.dim, encoder.length, encoder.frozen, encoder.unknown("zygomorphic")) == (dim, 4, True, ())


@pytest.mark.usefixtures("vectors")
def test_a_run_keeps_a_fingerprint_and_no_vectors() -> None:
    encoder = make(dim=64)
    assert not list(encoder.parameters())
    assert {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()} == {"fingerprint": (16,)}


@pytest.mark.usefixtures("vectors")
def test_other_vectors_than_a_run_was_trained_with_are_refused(tmp_path: Path) -> None:
    trained = torch.nn.ModuleDict({"condition": make(dim=64)})
    torch.nn.ModuleDict({"condition": make(dim=64)}).load_state_dict(trained.state_dict())
    path = tmp_path / "wordllama" / VECTORS
    safetensors.torch.save_file({"embedding.weight": torch.ones(len(WORDS), 256)}, path)
    other = torch.nn.ModuleDict({"condition": make(dim=64)})
    with pytest.raises(
        ConfigurationError, match=r"weights, of the package wordllama, differ from those of the training"
    ):
        other.load_state_dict(trained.state_dict())


@pytest.mark.parametrize("package", ["wordllama", "tokenizers"])
@pytest.mark.usefixtures("vectors")
def test_without_the_extra_it_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtraError, match=rf"needs {package}, which is not installed; pip install 'priorkit\[text\]'"
    ):
        make()


@pytest.mark.parametrize("name", [VECTORS, TOKENIZER])
@pytest.mark.usefixtures("vectors")
def test_a_package_of_another_version_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / "wordllama" / name
    path.unlink()
    with pytest.raises(
        ConfigurationError, match=rf"the installed wordllama has no file '{path}', which version 0\.4 has"
    ):
        make()


@pytest.mark.parametrize("name", [VECTORS, TOKENIZER])
@pytest.mark.usefixtures("vectors")
def test_a_broken_file_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / "wordllama" / name
    path.write_text("{")
    with pytest.raises(ConfigurationError, match=rf"'{path}' cannot be read \(.+\); reinstall it"):
        make()


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({"embedding.weight": torch.ones(len(WORDS), 8)}, r"--text-encoder\.dim 256: the vectors have 8 dimensions"),
        ({"embedding.weight": torch.ones(2, 256)}, "tokenizer has 13 tokens, and there are vectors of 2"),
        ({"embedding.weight": torch.ones(256)}, r"torch\.float32 of shape \(256,\), not a vector for each token"),
        ({"other": torch.ones(2, 256)}, "cannot be read"),
    ],
)
@pytest.mark.usefixtures("vectors")
def test_other_vectors_are_told(tensors: dict[str, Tensor], told: str, tmp_path: Path) -> None:
    safetensors.torch.save_file(tensors, tmp_path / "wordllama" / VECTORS)
    with pytest.raises(ConfigurationError, match=told):
        make()


@pytest.mark.skipif(find_spec("wordllama") is None, reason="needs the extra `text`")
class TestWordLlama:
    """The package itself."""

    def test_captions_of_like_meaning_are_near(self) -> None:
        encoder = make()
        captions = ["a small red bird", "a little crimson sparrow", "the engine of an old lorry"]
        vectors = torch.nn.functional.normalize(encoder(encoder.tokens(captions)), dim=1)
        assert float(vectors[0] @ vectors[1]) > float(vectors[0] @ vectors[2]) + 0.2

    def test_every_text_has_tokens_and_a_vector(self) -> None:
        encoder = make(dim=64)

        @given(st.text(max_size=20))
        def has(caption: str) -> None:
            vector = encoder(encoder.tokens([caption]))
            assert vector.isfinite().all()
            assert bool(vector.any()) == bool(caption.split())

        has()
