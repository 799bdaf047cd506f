"""Small text models in the files of the packages that read them, and a package that is too large to install."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

__all__ = ["WORDS", "sentence_transformers", "write_model_folder", "write_word_llama"]

WORDS = ("<unk>", "<s>", "a", "bird", "with", "red", "wings", "blue", "small", "flower", "petals", "yellow", "the")


def write_word_llama(folder: Path, *, width: int = 256) -> Tensor:
    """Writes a package `wordllama` below a folder, as far as priorkit reads it; gives its vectors."""
    package = folder / "wordllama"
    for name in ("weights", "tokenizers"):
        (package / name).mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('it is not to be imported')\n")
    vectors = torch.randn(len(WORDS), width, generator=torch.Generator().manual_seed(0)).half()
    safetensors.torch.save_file({"embedding.weight": vectors}, package / "weights/l2_supercat_256.safetensors")
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    }
    (package / "tokenizers/l2_supercat_tokenizer_config.json").write_text(json.dumps(tokenizer))
    return vectors


def write_model_folder(folder: Path, seed: int = 0) -> None:
    """Writes a model in the layout of sentence-transformers, of vectors of 6 dimensions."""
    (folder / "1_Pooling").mkdir(parents=True)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config.json").write_text("{}")
    (folder / "1_Pooling/config.json").write_text("{}")
    (folder / "tokenizer.json").write_text(json.dumps(WORDS))
    vectors = torch.randn(len(WORDS) + 4, 6, generator=torch.Generator().manual_seed(seed))
    safetensors.torch.save_file({"vectors": vectors}, folder / "model.safetensors")


class _Tokenizer:
    """Words between `begin` and `end`, called as tokenizers of transformers are; padding is 1, as RoBERTa's."""

    pad_token_id = 1
    begin, end = 0, 2

    def __init__(self, words: list[str]) -> None:
        self.numbers = {word: number for number, word in enumerate(words, 4)}

    def __call__(
        self,
        text: str,
        *,
        add_special_tokens: bool,
        truncation: bool,
        max_length: int | None = None,
        verbose: bool = True,
    ) -> dict[str, list[int]]:
        assert add_special_tokens
        words = [self.numbers.get(word, 4) for word in text.lower().split()]
        if truncation:
            assert max_length is not None
            words = words[: max_length - 2]
        return {"input_ids": [self.begin, *words, self.end]}


class _Words(nn.Module):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.vectors = nn.Parameter(safetensors.torch.load_file(folder / "model.safetensors")["vectors"])
        self.dropout = nn.Dropout(0.5)

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        found = self.vectors[features["input_ids"]]
        # As attention does, each word sees the others that there are.
        mask = features["attention_mask"].unsqueeze(-1)
        around = (found * mask).sum(1, keepdim=True)
        return {**features, "token_embeddings": self.dropout(found * around.tanh())}


class _Mean(nn.Module):
    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = features["attention_mask"].unsqueeze(-1)
        total = (features["token_embeddings"] * mask).sum(dim=1)
        return {**features, "sentence_embedding": total / mask.sum(dim=1).clamp(min=1)}


class SentenceTransformer(nn.Sequential):
    """What priorkit uses of the class of that name."""

    def __init__(self, path: str, *, device: str, local_files_only: bool, trust_remote_code: bool) -> None:
        assert device == "cpu"
        assert local_files_only
        assert not trust_remote_code
        super().__init__(_Words(Path(path)), _Mean())
        self.tokenizer = _Tokenizer(json.loads((Path(path) / "tokenizer.json").read_text()))
        self.max_seq_length = 12

    def forward(self, features: Any) -> Any:
        return super().forward(features)


def sentence_transformers() -> ModuleType:
    """The package, to be put into `sys.modules`."""
    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = SentenceTransformer  # type: ignore[attr-defined]
    return module
