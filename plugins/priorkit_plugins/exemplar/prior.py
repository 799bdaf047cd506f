"""The exemplar prior, and its leave-one-out density for training."""

import math

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Learning, Prior, frozen_statistics
from priorkit_plugins.exemplar.training_pixels import TrainingPixels
from priorkit_plugins.shared_encoder import SharedEncoder
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["ExemplarPrior"]

_PAIRS = 2**23
"""Pairs of a code and an exemplar whose densities are computed at a time."""


class ExemplarPrior(Prior):
    """p(z) = 1/N sum_n N(z; mean(x_n), sigma^2 I) over all training images (Norouzi et al. 2020, Eqs. 4 and 5).

    The means are the encoder's, and sigma is learned. The means are stored in a buffer; `log_prob` and `forward` use
    the stored mixture, so a trained run needs no images. Each training step re-encodes `refreshed` images in turn, so
    all are refreshed every N / `refreshed` steps.

    The codes of training images are trained by another density, `leaving_out`: that of their nearest exemplars without
    the image itself. These exemplars are re-encoded, so that gradients reach the encoder through them. This density is
    a lower bound on the leave-one-out density over all exemplars (Section 3.1).

    The encoder's batch norm normalises exemplars by their own statistics in training.

    Args:
        encoder: q(z|x). It is not a submodule: it is trained and saved separately.
        images: The training images.
        count: N, the number of training images.
        neighbours: k, the number of exemplars in the density of a code in training.
        exemplars: M, the number of exemplars searched for neighbours in a step; None for all.
        refreshed: Number of images whose stored codes are refreshed in a step.
        std: Initial standard deviation of every dimension around an exemplar.
    """

    learning = Learning.LIKELIHOOD
    has_density = True
    leaves_out = True
    codes: Tensor
    place: Tensor

    def __init__(
        self,
        encoder: Encoder,
        images: TrainingPixels,
        count: int,
        *,
        neighbours: int = 5,
        exemplars: int | None = None,
        refreshed: int = 250,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        self.code_dim = encoder.code_dim
        self.searched = min(exemplars or count, count)
        self.neighbours = min(neighbours, max(self.searched - 1, 1))
        self.refreshed = min(refreshed, count)
        self.log_deviation = nn.Parameter(torch.tensor(math.log(std)))
        self.register_buffer("codes", torch.zeros(count, encoder.code_dim))
        # The next image to re-encode.
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))
        self._shared = SharedEncoder(encoder)
        self._images = images

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): a uniform number that picks the exemplar, then standard normals."""
        picked = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([picked, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Picks an exemplar by the first column of the noise (N, 1 + code_dim), and draws a code around it."""
        count = len(self.codes)
        picked = (noise[:, 0] * count).long().clamp(max=count - 1)
        return self.codes.index_select(0, picked) + self.log_deviation.exp() * noise[:, 1:]

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,): of the mixture around all stored codes."""
        parts = torch.split(code, max(_PAIRS // len(self.codes), 1))
        density = torch.cat([self.window(self.distances(part, self.codes)).logsumexp(1) for part in parts])
        return density - math.log(len(self.codes))

    def window(self, squares: Tensor) -> Tensor:
        """Log-densities of codes at given squared distances from their exemplars, of the same shape, in nats."""
        constant = self.code_dim * (self.log_deviation + 0.5 * math.log(2 * math.pi))
        return -0.5 * squares * torch.exp(-2 * self.log_deviation) - constant

    def distances(self, code: Tensor, centres: Tensor) -> Tensor:
        """Squared distances of codes (N, code_dim) from M points: float32 (N, M)."""
        with single_precision(code.device):
            origin = centres.mean(0)
            moved = at_least_single(code) - origin
            around = centres - origin
            return moved.square().sum(1, keepdim=True) + around.square().sum(1) - 2 * moved @ around.T

    def leaving_out(self, indices: Tensor) -> Prior:
        """The density that trains the codes of training images; in training, refreshes stored codes, too.

        Args:
            indices: The images of the codes, int64 (N,).
        """
        if self.training:
            self._refresh()
        return _NearestExemplars(self, indices)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Refuses to be fitted to the codes of a frozen encoder: exemplars are learned with the encoder."""
        raise ValueError(
            "its exemplars are learned together with the encoder, so it is not fitted to codes; use priorkit train "
            "exemplar-vae, or fit --prior mixture --prior.em or flow-matching"
        )

    def encode(self, indices: Tensor) -> Tensor:
        """The means of training images' posteriors, float32 (N, code_dim), by the current encoder."""
        encoder = self._shared.encoder
        with frozen_statistics(encoder):
            mean: Tensor = encoder(self._images.take(indices)).mean
        return mean.float()

    def searched_exemplars(self) -> Tensor:
        """The M exemplars, int64 (M,), evenly spaced, in which the present step searches for neighbours."""
        count = len(self.codes)
        spaced = torch.arange(self.searched, device=self.place.device) * count // self.searched
        return (spaced + self.place) % count

    @torch.no_grad()
    def _refresh(self) -> None:
        count = len(self.codes)
        places = (self.place + torch.arange(self.refreshed, device=self.place.device)) % count
        self.codes.index_copy_(0, places, self.encode(places))
        self.place.add_(self.refreshed).remainder_(count)


class _NearestExemplars(Prior):
    """The density of training images' codes from their nearest exemplars, without the images themselves.

    Args:
        whole: The prior.
        indices: The images of the codes, int64 (N,).
    """

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, whole: ExemplarPrior, indices: Tensor) -> None:
        super().__init__()
        self.code_dim = whole.code_dim
        # In a tuple, so that it does not become a submodule.
        self._whole = (whole,)
        self._indices = indices

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws noise as the whole prior."""
        return self._whole[0].noise(n, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Makes codes as the whole prior."""
        codes: Tensor = self._whole[0](noise)
        return codes

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of the images' codes (N, code_dim) in nats, shape (N,)."""
        whole = self._whole[0]
        with torch.no_grad():
            searched = whole.searched_exemplars()
            own = searched == self._indices[:, None]
            squares = whole.distances(code, whole.codes.index_select(0, searched)).masked_fill(own, math.inf)
            nearest = squares.topk(whole.neighbours, dim=1, largest=False)
            others = len(searched) - own.sum(1)
        means = whole.encode(searched[nearest.indices].flatten()).view(*nearest.indices.shape, -1)
        parts = whole.window((code.float()[:, None] - means).square().sum(2))
        return parts.masked_fill(nearest.values.isinf(), -math.inf).logsumexp(1) - others.log()
