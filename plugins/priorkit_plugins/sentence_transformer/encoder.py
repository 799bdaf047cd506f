"""A model of sentence-transformers as a text encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit_plugins.pretrained_text_encoder import PretrainedTextEncoder
from priorkit_plugins.single_precision import single_precision

__all__ = ["SentenceTransformerEncoder"]


class SentenceTransformerEncoder(PretrainedTextEncoder):
    """The sentence vectors of a frozen language model, which stays in evaluation mode and is not saved with a run.

    Args:
        model: The `SentenceTransformer`.
        path: The folder of the model.
        dim: Number of dimensions of the vectors to keep, the first ones; None for all.
        length: Maximal number of tokens of a caption, with those that mark its beginning and end; the model may allow
            fewer.

    Raises:
        ConfigurationError: The model has fewer dimensions, or no tokenizer of text.
    """

    def __init__(self, model: Any, path: Path, dim: int | None = None, length: int = 64) -> None:
        super().__init__((*model.parameters(), *model.buffers()), str(path))
        self._tokenizer = getattr(model, "tokenizer", None)
        if not callable(self._tokenizer):
            raise ConfigurationError(f"--text-encoder.path: {str(path)!r} has no tokenizer: it is not a model of text")
        self.length = min(length, getattr(model, "max_seq_length", None) or length)
        self._padding = getattr(self._tokenizer, "pad_token_id", None) or 0
        self.model: nn.Module = model.requires_grad_(False).eval()
        # Older models convert captions to lower case before they tokenise them.
        self._lowers = bool(getattr(model[0], "do_lower_case", False))
        with torch.no_grad():
            size = self._all_dimensions(torch.ones(1, 1, dtype=torch.int64)).shape[1]
        if dim is not None and dim > size:
            raise ConfigurationError(
                f"--text-encoder.dim {dim}: the vectors of {str(path)!r} have {size} dimensions; give that many at most"
            )
        self.dim = dim or size

    def token_ids(self, caption: str) -> Sequence[int]:
        """The ids of a caption's tokens, + 1, with those that mark its ends."""
        return self._ids(caption, truncation=False, verbose=False)

    def kept_ids(self, caption: str) -> Sequence[int]:
        """The first tokens, and the token that marks the end."""
        return self._ids(caption, truncation=True, max_length=self.length)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turns tokens (N, L), int64, into vectors (N, dim), float32."""
        with single_precision(tokens.device):
            return self._all_dimensions(tokens[:, : self.length])[:, : self.dim].float()

    def _ids(self, caption: str, **how: Any) -> Sequence[int]:
        assert self._tokenizer is not None
        text = caption.lower() if self._lowers else caption
        return [token + 1 for token in self._tokenizer(text, add_special_tokens=True, **how)["input_ids"]]

    def _all_dimensions(self, tokens: Tensor) -> Tensor:
        mask = tokens > 0
        # Padding has the id of the model's tokenizer; a caption without tokens consists of padding alone.
        features = {"input_ids": torch.where(mask, tokens - 1, self._padding), "attention_mask": mask.long()}
        vectors: Tensor = self.model(features)["sentence_embedding"]
        return vectors

    def train(self, mode: bool = True) -> Self:
        """Sets the mode, except for the language model, which stays in evaluation mode."""
        super().train(mode)
        self.model.eval()
        return self

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """All tensors but the model's."""
        found = super().state_dict(*args, **kwargs)
        for name in self._names(kwargs.get("prefix", "")):
            found.pop(name, None)
        return found

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        # torch visits the submodules with this same mapping, and would report unsaved tensors as missing.
        own = self.model.state_dict()
        state_dict.update({f"{prefix}model.{name}": tensor for name, tensor in own.items()})

    def _names(self, prefix: str) -> Sequence[str]:
        return [f"{prefix}model.{name}" for name in self.model.state_dict()]
