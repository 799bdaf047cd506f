"""Scores of codes that are indices: the use of the codebook."""

import torch
from torch import Tensor

from priorkit.evaluation.encodings import Encodings
from priorkit.evaluation.scorebook import Scorebook
from priorkit.models import Model

__all__ = ["codebook_use", "score_codebook"]

_NAMES = ("codebook-use", "codebook-perplexity")


def codebook_use(indices: Tensor, entries: int, codebooks: int = 1) -> tuple[float, float]:
    """Measures how many entries of a codebook are used, and how evenly.

    Args:
        indices: The indices of N images, int64 (N, places), on the CPU.
        entries: Number of entries of each codebook.
        codebooks: Number of codebooks. The places are divided into this number of equal consecutive parts, one for each
            codebook.

    Returns:
        The share of entries that occur, and the perplexity: exp of the entropy of the entries' frequencies, from 1 to
        the number of entries. Both are means over the codebooks.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import codebook_use
        >>> codebook_use(torch.tensor([[0, 1], [0, 1]]), entries=4)
        (0.5, 2.0)
    """
    parts = indices.chunk(codebooks, dim=1)
    counts = torch.stack([torch.bincount(part.flatten(), minlength=entries) for part in parts]).double()
    shares = counts / counts.sum(1, keepdim=True)
    perplexity = torch.exp(-torch.xlogy(shares, shares).sum(1))
    return float((counts > 0).double().mean()), float(perplexity.mean())


def score_codebook(book: Scorebook, model: Model, encodings: Encodings) -> None:
    """Records how the codes of held-out images use the codebook."""
    if not book.wants(*_NAMES):
        return
    indices, encoder = encodings.posterior.indices, model.encoder
    if indices is None or encoder is None:
        book.skip(_NAMES, "codes are no indices of a codebook")
        return
    entries = model.code_space.entries
    use, perplexity = codebook_use(indices, entries, encoder.codebooks)
    each = f"{entries} entries" + (f" each, mean of {encoder.codebooks} codebooks" if encoder.codebooks > 1 else "")
    book.add("codebook-use", use, real=len(indices), note=f"of {each}")
    book.add("codebook-perplexity", perplexity, real=len(indices), note=f"at most {entries}")
