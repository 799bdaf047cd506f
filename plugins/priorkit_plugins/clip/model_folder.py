"""Reads CLIP models from folders, and checks that they are complete."""

import json
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from priorkit.errors import ConfigurationError, DataError, MissingExtraError

__all__ = ["CLIPParts", "read_clip"]

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_WORDS = ("tokenizer.json", "vocab.json")
_PIXELS = ("preprocessor_config.json", "processor_config.json")


class CLIPParts(NamedTuple):
    """A CLIP model of transformers with its preprocessing.

    Attributes:
        model: The `CLIPModel`, on the CPU.
        tokenizer: From texts to tokens.
        image_processor: From images to pixels.
    """

    model: Any
    tokenizer: Any
    image_processor: Any


def read_clip(folder: Path | None, hub: str | None) -> CLIPParts:
    """Reads a model. Downloads only if a name on the hub is given, and never runs code that comes with the model.

    Args:
        folder: The model's folder.
        hub: The model's name on the hub; exactly one of the two is given.

    Raises:
        ConfigurationError: None or both are given, or the folder is missing, incomplete, or holds another kind of
            model.
        DataError: The hub does not provide the model.
        MissingExtraError: transformers is not installed.
    """
    if (folder is None) == (hub is None):
        raise ConfigurationError(
            "--extractor clip: it needs a model, and priorkit downloads none by itself; name the folder of one with "
            "--extractor.model, or else its name on the Hugging Face hub with --extractor.hub"
        )
    if folder is not None:
        _check(folder)
    try:
        transformers: Any = import_module("transformers")
    except ImportError:
        raise MissingExtraError(
            "--extractor clip: needs transformers, which is not installed; pip install 'priorkit[clip]'"
        ) from None
    where, local = str(folder or hub), folder is not None
    try:
        # It draws progress bars.
        with redirect_stderr(StringIO()):
            return CLIPParts(
                transformers.CLIPModel.from_pretrained(where, local_files_only=local),
                transformers.AutoTokenizer.from_pretrained(where, trust_remote_code=False, local_files_only=local),
                transformers.AutoImageProcessor.from_pretrained(where, trust_remote_code=False, local_files_only=local),
            )
    except Exception as error:  # any error of a broken file
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if folder is None:
            raise DataError(f"--extractor.hub {hub}: the model is not available ({reason})") from error
        raise ConfigurationError(f"--extractor.model {where}: the model cannot be read ({reason})") from error


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigurationError(
            f"--extractor.model {folder}: there is no such folder; name one that transformers has saved a CLIP model in"
        )
    for names in (("config.json",), _WEIGHTS, _WORDS, _PIXELS):
        if not any((folder / name).is_file() for name in names):
            others = f" (or {', '.join(names[1:])})" if names[1:] else ""
            raise ConfigurationError(
                f"--extractor.model {folder}: the model is incomplete, {names[0]}{others} is missing; save or download "
                "all of it"
            )
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (AttributeError, OSError, ValueError) as error:
        raise ConfigurationError(f"--extractor.model {folder}: its config.json cannot be read ({error})") from error
    if kind != "clip":
        raise ConfigurationError(f"--extractor.model {folder}: it holds a model of type {kind!r}, not 'clip'")
