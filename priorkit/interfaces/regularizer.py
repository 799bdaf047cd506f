"""The regularizer: the losses that make the aggregated posterior match the prior."""

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
    """Losses that match the distribution of the data's codes with the prior.

    The encoder minimises `encoder_terms`, and the decoder `decoder_terms`. An adversarial regularizer has a critic,
    whose parameters are the regularizer's: `critic_terms` trains them in a separate move just before the encoder's.
    Parameters that learn in another way need a phase of the regularizer's own (`phases`), with a player that trains
    `regularizer`. Each method returns a mapping from the name of a loss term to a scalar; the sum of the terms is
    minimised.

    Attributes:
        kinds: Kinds of codes that the regularizer supports.
        has_terms: Whether the regularizer has any loss term. Phases that do not support regularizers accept those
            without terms.
        has_critic: Whether the autoencoder phase trains the regularizer's parameters by `critic_terms`.
        trains_prior: Whether the gradient of `encoder_terms` reaches a prior that learns by likelihood, through its
            codes or its density.
        needs_prior_code: Whether the terms use samples of the prior. If not, `prior_code` is empty, shape (0,
            code_dim), which saves the time of sampling.
        uses_condition: Whether the terms depend on the condition.
        needs_mixing: Whether `critic_terms` needs `mixing`.
        needs_whole_batch: Whether the regularizer must see the codes of the whole batch in one process, because it
            compares codes with each other or updates a buffer from them. Such a regularizer cannot be trained in
            several processes.

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
        """Checks that this regularizer works with the encoder and the prior; called once, before training.

        Raises:
            ValueError: The regularizer does not work with this encoder or prior; the message says which are supported.
        """

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        """The critic's loss terms.

        Args:
            code: Codes of the data, shape (N, code_dim), detached.
            prior_code: Codes of the prior, shape (N, code_dim), detached.
            condition: s of both, shape (N, condition_dim), if the run has a condition that D_C receives.
            mixing: Uniform in [0, 1), shape (N,): interpolation weights between both kinds of codes, for a gradient
                penalty; None unless `needs_mixing` is True.
        """
        return {}

    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws the random numbers of `encoder_terms` and `decoder_terms` for `n` images: float32, first dimension `n`.

        By default, the terms need no random numbers. Random numbers for the batch as a whole, such as projection
        directions, are drawn as an equal number for each image.

        Args:
            n: Number of images, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Device of the noise; the CPU if it is None.
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
        """The loss terms of the encoder, and of a prior that learns by likelihood.

        Args:
            posterior: The encoder's output for a batch of N images.
            prior: The prior, whose density the terms may use.
            prior_code: Codes of the prior, shape (N, code_dim), detached unless the prior learns by likelihood.
            condition: s of the images, shape (N, condition_dim), if every image has one.
            noise: Shape (N, ...), as `encoder_noise` returns it.
        """

    def decoder_terms(
        self, decoder: nn.Module, posterior: Posterior, noise: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        """The decoder's loss terms in addition to the reconstruction loss, in the same move; none by default.

        Args:
            decoder: Function from codes (N, code_dim) to images (N, C, H, W) in [-1, 1]. Calls leave its running
                statistics unchanged.
            posterior: The encoder's output for a batch of N images. Detach what the terms use of it: otherwise the
                encoder would minimise them too.
            noise: Shape (N, ...), as `encoder_noise` returns it.
        """
        return {}

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The training phases that this regularizer adds to those that the run lists; none by default.

        Called once, after the system has been built on the CPU; `system` is the very object that is trained.

        Raises:
            ValueError: The regularizer cannot be trained in this system; the message says what is needed.
        """
        return ()
