"""The condition `text`: a caption that comes with each image."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from priorkit.interfaces import Captions, Condition, ImageSet, Phase, System, TextEncoder
from priorkit_plugins.single_precision import single_precision

__all__ = ["TextCondition", "require_captions"]

_CHUNK = 256
"""Number of captions embedded at once."""


def require_captions(images: ImageSet) -> Captions:
    """The captions of images.

    Raises:
        ValueError: The images have no captions.
    """
    if images.captions is None:
        raise ValueError(
            "the data has no captions; give them beside the images, as words in NAME.txt beside NAME.png or as "
            "`captions` in a .npz file, or choose --condition labels or embedding"
        )
    return images.captions


class TextCondition(Condition):
    """s is the vector of a caption of the image, made by a text encoder (Section V of Wang et al. 2020).

    Each step uses one random caption of each image. D_I sees s with the image, and images with another image's caption
    as fakes (Reed et al. 2016, arXiv:1605.05396, Section 4.2). Some images may be generated from a mixture of two
    captions' vectors (Section 4.3, beta = 0.5). Vectors have length sqrt(dim), so that their dimensions have about the
    scale of the noise.

    A text encoder that is not pretrained is trained in this condition's own phase, `text-embedding`
    (`TextEmbeddingPhase`). All other phases use its vectors without training it.

    Args:
        encoder: From captions to vectors (N, dim).
        train: The training images; some of their captions are kept for samples. None if these are loaded later.
        seen_by_image_critic: Whether D_I receives s.
        seen_by_code_critic: Whether D_C receives s.
        mismatched: Whether D_I also receives mismatched pairs, if it receives s.
        interpolated: Share of generated images that are made from a mixture of two captions' vectors, from 0 to 1.
        remembered: Number of captions kept, of images evenly spread over the training images, with repetitions if there
            are fewer. Captions without any known word are left out.
        loss: The loss that trains the encoder: `contrastive`, or `structured` (see `TextEmbeddingPhase`).

    Raises:
        ValueError: The training images have no captions, or none with a known word; or `interpolated` is above 0 and
            D_I does not receive s.
    """

    from_data = True
    several_entries = True
    reads_text = True
    kept: Tensor

    def __init__(
        self,
        encoder: TextEncoder,
        train: ImageSet | None = None,
        *,
        seen_by_image_critic: bool = True,
        seen_by_code_critic: bool = False,
        mismatched: bool = True,
        interpolated: float = 0.0,
        remembered: int = 1000,
        loss: str = "contrastive",
    ) -> None:
        super().__init__()
        if interpolated and not seen_by_image_critic:
            raise ValueError(
                f"interpolated is {interpolated:g}, but seen_by_image_critic is off: images from two captions are "
                "judged by the image discriminator alone; turn this on, or use --condition.interpolated 0"
            )
        self.encoder = encoder
        self.dim = encoder.dim
        self.shows_entries = not encoder.frozen
        self.seen_by_code_critic = seen_by_code_critic
        self.seen_by_image_critic = seen_by_image_critic
        self.mismatched = mismatched and seen_by_image_critic
        self.interpolated = interpolated
        self.loss = loss
        kept = torch.zeros(remembered, encoder.length, dtype=torch.int32)
        if train is not None:
            kept = self._tokens(_kept_captions(train, remembered, encoder))
        self.register_buffer("kept", kept)

    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Vectors s of captions of training images, float32 (n, dim)."""
        return self.vectors(self.draw_entries(n, generator=generator, device=device))

    def draw_entries(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Tokens of captions of training images, int32 (n, length)."""
        indices = torch.randint(len(self.kept), (n,), generator=generator, device=device)
        return self.kept.to(indices.device).index_select(0, indices)

    def entries(self, images: ImageSet) -> Tensor:
        """The tokens of all captions, int32 (N, K, length); rows of 0 for images with fewer than K captions."""
        captions = require_captions(images)
        # Many images share a caption, which is tokenised once.
        tokens = self._tokens(captions.distinct())
        none = torch.zeros(1, tokens.shape[1], dtype=tokens.dtype)
        return torch.cat([tokens, none])[captions.places()]

    def one_of(self, entries: Tensor, chances: Tensor) -> Tensor:
        """Picks one of each image's captions: from tokens (N, K, length) to int32 (N, length)."""
        if entries.ndim == 2:
            return entries
        counts = entries.any(2).sum(1).clamp(min=1)
        # Captions with tokens are sorted first, so that captions without tokens are never drawn.
        ordered = entries.any(2).int().argsort(dim=1, descending=True, stable=True)
        place = ordered.gather(1, (chances * counts).long().clamp(max=entries.shape[1] - 1)[:, None])
        return entries.gather(1, place[:, :, None].expand(-1, -1, entries.shape[2]))[:, 0]

    def vectors(self, entries: Tensor) -> Tensor:
        """Turns tokens (N, length) into s, float32 (N, dim), of length sqrt(dim)."""
        training, device = self.encoder.training, self.kept.device
        self.encoder.eval()
        with torch.no_grad(), single_precision(device):
            # In chunks: some encoders need much memory for each caption.
            found = torch.cat([self.encoder(chunk.to(device, torch.int64)) for chunk in torch.split(entries, _CHUNK)])
        self.encoder.train(training)
        return normalize(found.float(), dim=1).mul(math.sqrt(self.dim)).to(entries.device)

    def mixture(self, condition: Tensor, other: Tensor) -> Tensor:
        """The mean of the vectors of two captions, rescaled to length sqrt(dim).

        Otherwise D_I could recognise mixtures by their length.
        """
        return normalize(condition + other, dim=1).mul(math.sqrt(self.dim))

    def of_texts(self, texts: Sequence[str]) -> Tensor:
        """The vectors s of texts, float32 (n, dim).

        Raises:
            ValueError: A text is empty, or has no token that the encoder knows.
        """
        tokens = self._tokens(texts)
        for text in texts:
            if not text.strip():
                raise ValueError("a text is empty: say what the image should show")
            if not self.encoder.reads(text):
                raise ValueError(
                    f"the text {text[:60]!r} has no word that the run's text encoder knows; use words of the "
                    "training captions"
                )
        return self.vectors(tokens.to(self.kept.device))

    def reads(self, text: str) -> bool:
        """Whether a text has a token that the encoder knows."""
        return bool(text.strip()) and self.encoder.reads(text)

    def unread(self, text: str) -> tuple[tuple[str, ...], bool]:
        """Words that the text encoder has no token for, and whether it cuts the text."""
        return self.encoder.unknown(text), self.encoder.is_cut(text)

    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """-E[log N(s; Q(x), I)] of Q's means (N, dim), in nats."""
        squares = (recovered.float() - condition).square().sum(1)
        return 0.5 * (squares.mean() + self.dim * math.log(2 * math.pi))

    def phases(self, system: System) -> Sequence[Phase]:
        """`text-embedding`, which trains the text encoder; none if the encoder is pretrained."""
        from priorkit_plugins.text.phase import TextEmbeddingPhase

        if self.encoder.frozen:
            return ()
        return (TextEmbeddingPhase(self.encoder, system.shape, loss=self.loss),)

    def _tokens(self, captions: Sequence[str]) -> Tensor:
        return self.encoder.tokens(captions).to(torch.int32)


def _kept_captions(train: ImageSet, n: int, encoder: TextEncoder) -> list[str]:
    """Captions of `n` images, evenly spread over images with a caption with a known word.

    Raises:
        ValueError: No caption has a known word.
    """
    captions = require_captions(train)
    chosen = _one_of_each(captions.take(train.spread_indices(n)))
    if all(map(encoder.reads, chosen)):
        # The usual case, in which the other captions need not be read here.
        return chosen
    known = frozenset(filter(encoder.reads, captions.distinct()))
    readable = [texts for of_image in captions if (texts := tuple(text for text in of_image if text in known))]
    if not readable:
        raise ValueError(
            f"the text encoder knows no word of the captions, such as {chosen[0][:40]!r}: choose another "
            "--text-encoder, one for their script or language"
        )
    spread = torch.arange(n) * max(len(readable), n) // n % len(readable)
    return _one_of_each([readable[index] for index in spread.tolist()])


def _one_of_each(captions: Iterable[tuple[str, ...]]) -> list[str]:
    # Not always the first caption: the k-th captions of all images often have the same form.
    return [of_image[index % len(of_image)] for index, of_image in enumerate(captions)]
