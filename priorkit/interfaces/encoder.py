"""The encoder: from an image to a code, or to a distribution over codes."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.distributions import Distribution

from priorkit.interfaces.code_space import CodeSpace
from priorkit.interfaces.support import Support

if TYPE_CHECKING:
    from priorkit.interfaces.phase import Phase
    from priorkit.interfaces.system import System

__all__ = ["Encoder", "Posterior"]


@dataclass(frozen=True)
class Posterior:
    """q(code | x) for a batch of images, and one draw from it.

    Attributes:
        code: The draw, shape (N, code_dim), differentiable with respect to the encoder: the decoder's input. For a
            quantising encoder, the codebook's vectors of `indices`, with the gradient passed on to `unquantised`.
        mean: The posterior's mean, shape (N, code_dim), or, if it has none, the draw without noise. The code itself for
            a deterministic encoder.
        log_variance: Log-variance of each dimension, shape (N, code_dim), for a diagonal Gaussian posterior; otherwise
            None.
        log_prob: log q(code | x) of the draw in nats, shape (N,), differentiable like the code, with respect to the
            measure of the encoder's `support`; None if `log_variance` is given, from which it follows, or if there is
            no density.
        terms: Further scalar losses of the encoder by name, means over the batch: such as the commitment loss.
        unquantised: For a quantising encoder, the vectors before quantisation, shape (N, code_dim); otherwise None.
        indices: For a quantising encoder, the draw as indices of the codebook, int64 (N, H * W); otherwise None.
        distribution: The posterior as a `torch.distributions` object of batch shape (N,) and event shape (code_dim,),
            if it is one; optional, in addition to `log_prob`. `kl` then uses the closed form of the divergence from the
            prior's `distribution()`, if torch or a plug-in (`torch.distributions.register_kl`) has registered one.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import Posterior
        >>> code = torch.zeros(2, 4)
        >>> Posterior(code, mean=code).log_variance is None
        True
    """

    code: Tensor
    mean: Tensor
    log_variance: Tensor | None = None
    log_prob: Tensor | None = None
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    unquantised: Tensor | None = None
    indices: Tensor | None = None
    distribution: Distribution | None = None

    @property
    def latent(self) -> Tensor:
        """The draw as the prior models it: indices for a quantising encoder, otherwise the code."""
        return self.code if self.indices is None else self.indices


class Encoder(nn.Module, abc.ABC):
    """enc(x): turns images into codes.

    Attributes:
        code_dim: Number of entries of the decoder's input: the dimensions of a vector, or channels x height x width of
            a map.
        codes: The code space of the prior, if it differs from that of the encoder's context: for a quantising encoder,
            whose `Posterior` has `indices`, the space of these indices. None otherwise.
        codebooks: For a quantising encoder, the number of codebooks. They have equally many entries, and each has an
            equal, contiguous part of the indices.
        stochastic: Whether the draw depends on noise. If so, the posterior has a `log_variance` or a `log_prob`.
        support: The set in which the codes lie, and the measure that `log_prob` is a density with respect to.
        needs_whole_batch: Whether the encoder must see the whole batch in one process, because a term compares images
            with each other or a layer keeps running statistics (`TrackingLayer`). Such an encoder cannot be trained in
            several processes.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from priorkit.interfaces import Encoder, Posterior
        >>> class LinearEncoder(Encoder):
        ...     def __init__(self, pixels, code_dim):
        ...         super().__init__()
        ...         self.code_dim = code_dim
        ...         self.layer = nn.Linear(pixels, code_dim)
        ...
        ...     def forward(self, image, noise=None):
        ...         code = self.layer(image.flatten(1))
        ...         return Posterior(code, mean=code)
        >>> LinearEncoder(16 * 16, 4)(torch.zeros(2, 1, 16, 16)).code.shape
        torch.Size([2, 4])
    """

    code_dim: int
    codes: CodeSpace | None = None
    codebooks: int = 1
    stochastic: bool = False
    support: Support = Support()
    needs_whole_batch: bool = False

    @abc.abstractmethod
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes a batch.

        Args:
            image: Shape (N, C, H, W), values in [-1, 1].
            noise: Standard normal, shape (N, code_dim). With None, the draw is the mean. A deterministic encoder
                ignores the noise.
        """

    def embed(self, codes: Tensor) -> Tensor:
        """Turns codes of the prior into the decoder's input: float32 (N, code_dim); by default, the codes themselves.

        Args:
            codes: For a quantising encoder, indices, int64 (N, H * W), which are replaced by the codebook's vectors.
        """
        return codes

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The training phases that this encoder adds to those that the run lists; none by default.

        Called once, after the system has been built on the CPU; `system` is the very object that is trained.

        Raises:
            ValueError: The encoder cannot be trained in this system; the message says what is needed.
        """
        return ()
