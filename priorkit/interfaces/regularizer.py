"""The regularizer: what makes the aggregated posterior match the prior."""

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from priorkit.interfaces.code_space import CodeKind
from priorkit.interfaces.encoder import Encoder, Posterior
from priorkit.interfaces.prior import Prior

if TYPE_CHECKING:
    from priorkit.interfaces.phase import Phase
    from priorkit.interfaces.system import System

__all__ = ["Regularizer"]


class Regularizer(nn.Module, abc.ABC):
    """Keeps the codes of the data close to the codes of the prior.

    A regularizer with a critic (an adversarial one) is trained by `critic_terms`, in a move of its own just before the
    encoder's; its parameters are the critic's. Parameters that learn in another way need a phase that the regularizer
    brings (`phases`), with a player that trains `regularizer`. The encoder descends `encoder_terms`, and the decoder
    `decoder_terms`. Each is a mapping from the name of a loss term to a scalar to be minimised; the terms are added up.

    Attributes:
        kinds: Kinds of codes that it can be used with.
        has_terms: Whether it gives anything to minimise; False for one that leaves codes alone, so that phases whose
            loss has no place for a regularizer can tell.
        has_critic: Whether the autoencoder phase trains the regularizer's parameters by `critic_terms`.
        trains_prior: Whether `encoder_terms` depend on the codes or the density of a prior that learns by likelihood.
        needs_prior_code: Whether the terms compare codes with the prior's. If not, `prior_code` is empty, shape
            (0, code_dim): some priors take long to sample.
        uses_condition: Whether its terms depend on the condition that it is given.
        needs_mixing: Whether `critic_terms` wants `mixing`.
        needs_whole_batch: Whether the regularizer must see every code of a batch in one process: because it compares
            them with each other, or keeps in a buffer what depends on them. Several processes are then refused.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import Posterior, Regularizer
        >>> class SizeRegularizer(Regularizer):
        ...     needs_prior_code = False
        ...
        ...     def encoder_terms(self, posterior, prior, prior_code, condition=None, noise=None):
        ...         return {"size": posterior.code.float().square().mean()}
        >>> code = torch.ones(3, 4)
        >>> SizeRegularizer().encoder_terms(Posterior(code, code), None, code[:0])
        {'size': tensor(1.)}
    """

    kinds: tuple[CodeKind, ...] = (CodeKind.VECTOR, CodeKind.MAP)
    has_terms: bool = True
    has_critic: bool = False
    trains_prior: bool = True
    needs_prior_code: bool = True
    uses_condition: bool = False
    needs_mixing: bool = False
    needs_whole_batch: bool = False

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Called once before training.

        Raises:
            ValueError: The regularizer cannot work with this encoder or prior; the message says what would do.
        """

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        """What the critic minimises.

        Args:
            code: Codes of the data, shape (N, code_dim), detached.
            prior_code: Codes of the prior, shape (N, code_dim), detached.
            condition: s of both, shape (N, condition_dim), if the run has a condition that D_C is shown.
            mixing: Uniform in [0, 1), shape (N,), for a penalty between both kinds of codes; None unless `needs_mixing`
                is True.
        """
        return {}

    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws the randomness of `encoder_terms` and `decoder_terms` for `n` images: float32, first dimension `n`.

        By default, the terms have none. What the whole batch shares, such as directions that its codes are projected
        on, is drawn as some for each image.

        Args:
            n: Number of images, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Where the noise is made; the CPU if it is None.
        """
        return torch.empty(n, 0, device=device)

    @abc.abstractmethod
    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        """What the encoder minimises, and with it a prior that learns by likelihood.

        Args:
            posterior: The encoder's output for a batch of N images.
            prior: The prior, for its density.
            prior_code: Codes of the prior, shape (N, code_dim), detached unless the prior learns by likelihood.
            condition: s of the images, shape (N, condition_dim), if every image has one.
            noise: Shape (N, ...), as `encoder_noise` gives it.
        """

    def decoder_terms(
        self, decoder: nn.Module, posterior: Posterior, noise: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        """What the decoder minimises beside the reconstruction loss, in the same move; nothing by default.

        Args:
            decoder: From codes (N, code_dim) to images (N, C, H, W) in [-1, 1]. Calling it moves none of its
                statistics.
            posterior: The encoder's output for a batch of N images. What the terms take of it should be detached: the
                encoder would descend them too.
            noise: Shape (N, ...), as `encoder_noise` gives it.
        """
        return {}

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The phases that this regularizer brings into training, beside those that the run lists; none by default.

        Called once, after the system has been built on the CPU; what it is given is the system that is trained.

        Raises:
            ValueError: The regularizer cannot be trained in this system; the message says what would do.
        """
        return ()
