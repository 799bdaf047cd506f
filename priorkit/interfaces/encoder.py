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
        code: The draw, shape (N, code_dim), differentiable with respect to the encoder; what the decoder takes. Of a
            quantising encoder, the codebook's vectors of `indices`, with the gradient of what was quantised.
        mean: The posterior's mean, shape (N, code_dim), or what stands for it: the draw without noise. The code itself
            for a deterministic encoder.
        log_variance: Log-variance of each dimension, shape (N, code_dim), where dimensions are independent and normal;
            otherwise None.
        log_prob: log q(code | x) of the draw in nats, shape (N,), differentiable as the code is, by the measure of the
            encoder's `support`; None where there is `log_variance`, which says it, or no density.
        terms: Further scalar loss terms that the encoder descends, by name, means over the batch: such as commitment.
        unquantised: Of a quantising encoder, the vectors before quantisation, shape (N, code_dim); otherwise None.
        indices: Of a quantising encoder, the draw as indices of the codebook, int64 (N, H * W); otherwise None.
        distribution: The posterior as a `torch.distributions` object of batch shape (N,) and event shape (code_dim,),
            where it is one beside `log_prob`: `kl` takes its divergence from the prior's `distribution()` in closed
            form if torch knows one, or a plug-in has registered one (`torch.distributions.register_kl`).

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
        """The draw as the prior has it: indices where the encoder quantises, otherwise the code."""
        return self.code if self.indices is None else self.indices


class Encoder(nn.Module, abc.ABC):
    """enc(x): turns images into codes.

    Attributes:
        code_dim: Numbers of a code as the decoder takes it: dimensions of a vector, or channels, height and width of a
            map multiplied.
        codes: The space of the codes that the prior is to have, where it is another than that of the encoder's context:
            the indices of a quantising encoder, whose `Posterior` has `indices`. None otherwise.
        codebooks: Of a quantising encoder, the number of codebooks that its indices are of: each has an equal part of
            them, one after the other, and as many entries as the others.
        stochastic: Whether the draw depends on noise. The posterior then has a `log_variance`, or a `log_prob`.
        support: Where its codes lie, and what `log_prob` is a density with respect to.
        needs_whole_batch: Whether the encoder must see every image of a batch in one process: because a term compares
            them with each other, or a layer follows what it is shown (`TrackingLayer`). Several processes are then
            refused.

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
            noise: Standard normal, shape (N, code_dim). None asks for the mean as the draw. A deterministic encoder
                ignores it.
        """

    def embed(self, codes: Tensor) -> Tensor:
        """Turns codes of `codes` into what the decoder takes: float32 (N, code_dim); by default, what they are.

        Args:
            codes: Of a quantising encoder, indices, int64 (N, H * W), for which it gives the codebook's vectors.
        """
        return codes

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The phases that this encoder brings into training, beside those that the run lists; none by default.

        Called once, after the system has been built on the CPU; what it is given is the system that is trained.

        Raises:
            ValueError: The encoder cannot be trained in this system; the message says what would do.
        """
        return ()
