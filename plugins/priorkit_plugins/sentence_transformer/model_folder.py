"""Reads models of sentence-transformers from folders, and checks that they are complete."""

import json
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from torch import nn

from priorkit.errors import ConfigurationError, MissingExtraError

__all__ = ["read_model"]

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model")
_OWN = "sentence_transformers."
"""Prefix of the names of sentence-transformers' own classes."""


def read_model(path: Path) -> nn.Module:
    """The `SentenceTransformer` in a folder, on the CPU; nothing is downloaded, and no code of the folder is run.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
        ConfigurationError: The folder is missing or incomplete, or needs code of its own.
    """
    _check(path)
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise MissingExtraError(
            "--text-encoder sentence-transformer: needs sentence-transformers, which is not installed; pip install "
            "'priorkit[sentence-transformers]'"
        ) from None
    try:
        # It draws progress bars.
        with redirect_stderr(StringIO()):
            model: nn.Module = SentenceTransformer(
                str(path), device="cpu", local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # any error of a broken file
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigurationError(f"--text-encoder.path: {str(path)!r} cannot be read ({reason})") from error
    return model


def _check(path: Path) -> None:
    if not path.is_dir():
        raise ConfigurationError(
            f"--text-encoder.path: there is no folder {str(path)!r}; name one that a model of sentence-transformers is "
            "saved in"
        )
    for kind, folder in _modules(path):
        # sentence-transformers before 6 runs code of a folder without asking, if modules.json names it.
        if not kind.startswith(_OWN):
            raise ConfigurationError(
                f"--text-encoder.path: {str(path / 'modules.json')!r} needs {kind!r}, which is code of the model's "
                "own; priorkit does not run such code, choose another model"
            )
        if kind.endswith(".Transformer"):
            _require(folder, "config.json")
            _require(folder, *_WEIGHTS)
            _require(folder, *_VOCABULARIES)
        elif not kind.endswith(".Normalize"):
            # A normalisation module has no settings.
            _require(folder, "config.json")


def _modules(path: Path) -> Iterator[tuple[str, Path]]:
    """The class and the folder of each part of a model."""
    listed = _read(_require(path, "modules.json"))
    try:
        if not isinstance(listed, list) or not listed:
            raise TypeError("not a list of modules")
        for module in listed:
            yield str(module["type"]), path / str(module["path"])
    except (TypeError, KeyError) as error:
        raise ConfigurationError(
            f"--text-encoder.path: {str(path / 'modules.json')!r} does not list modules with 'type' and 'path'; save "
            "the model again"
        ) from error


def _require(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    missing = str(folder / names[0])
    others = f" (or {', '.join(names[1:])})" if names[1:] else ""
    raise ConfigurationError(
        f"--text-encoder.path: the model is incomplete, {missing!r}{others} is missing; save or download all of it"
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise ConfigurationError(f"--text-encoder.path: {str(path)!r} cannot be read ({error})") from error
