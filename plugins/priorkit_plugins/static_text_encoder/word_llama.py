"""The files of the package wordllama.

They are read without importing the package, which imports a web client, and whose loader downloads missing files.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open
from torch import Tensor

from priorkit.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["read_tokenizer", "read_vectors"]

_VECTORS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_KEY = "embedding.weight"
_EXTRA = "pip install 'priorkit[text]'"


def read_vectors() -> Tensor:
    """The vectors of all tokens, in the order of their ids: float (V, 256).

    Raises:
        MissingExtraError: wordllama is not installed.
        ConfigurationError: The package has no such file, or a different one.
    """
    path = _file(_VECTORS)
    try:
        with safe_open(str(path), "pt") as stored:
            vectors: Tensor = stored.get_tensor(_KEY)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error
    if vectors.ndim != 2 or not vectors.is_floating_point():
        raise ConfigurationError(
            f"--text-encoder static: {str(path)!r} holds {vectors.dtype} of shape {tuple(vectors.shape)}, not a vector "
            f"for each token; {_EXTRA}"
        )
    return vectors


def read_tokenizer() -> "Tokenizer":
    """The tokenizer.

    Raises:
        MissingExtraError: wordllama or tokenizers is not installed.
        ConfigurationError: The package has no such file, or a different one.
    """
    path = _file(_TOKENIZER)
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError(f"--text-encoder static: needs tokenizers, which is not installed; {_EXTRA}") from None
    return _parsed(Tokenizer, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _parsed(kind: "type[Tokenizer]", path: Path, changed: int) -> "Tokenizer":
    """The tokenizer of a file, which takes a while to read."""
    try:
        return kind.from_file(str(path))
    except Exception as error:  # it raises no other class
        raise _unreadable(path, error) from error


def _file(name: str) -> Path:
    found = find_spec("wordllama")
    folders = [Path(folder) for folder in found.submodule_search_locations or ()] if found is not None else []
    if not folders:
        raise MissingExtraError(f"--text-encoder static: needs wordllama, which is not installed; {_EXTRA}")
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ConfigurationError(
        f"--text-encoder static: the installed wordllama has no file {str(folders[0] / name)!r}, which version 0.4 "
        f"has; {_EXTRA}"
    )


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ConfigurationError(
        f"--text-encoder static: {str(path)!r} cannot be read ({reason}); reinstall it: pip install --force-reinstall "
        "wordllama"
    )
