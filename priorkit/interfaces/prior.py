"""The prior: a distribution over codes, which can be sampled and may have a density."""

import abc
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from priorkit.interfaces.code_space import CodeKind
from priorkit.interfaces.support import Support

if TYPE_CHECKING:
    from priorkit.interfaces.phase import Phase
    from priorkit.interfaces.system import System

__all__ = ["Learning", "Prior"]


class Learning(Enum):
    """How a prior's parameters are trained."""

    FIXED = "fixed"
    """The prior has no parameters: no phase trains it."""

    LIKELIHOOD = "likelihood"
    """By maximum likelihood: together with the encoder, through the regularizer (VampPrior, flows, mixtures), or from
    codes in a separate stage."""

    ADVERSARIAL = "adversarial"
    """Adversarially: in the prior improvement phase, against the image discriminator (Eq. 4 of Wang et al. 2020); or in
    a phase that the regularizer adds, against a code discriminator."""

    CODES = "codes"
    """From the encoder's codes, by `code_loss`, which does not train the encoder."""

    ALL_CODES = "all codes"
    """By `fit_codes`, once, from the codes of all training images: in closed form, or by EM. This happens in a separate
    stage, after the autoencoder's. Such a prior has buffers, and no parameters that gradients train."""

    PHASES = "phases"
    """In the prior's own phases (`Prior.phases`), at least one of which trains the network `prior`."""


class Prior(nn.Module, abc.ABC):
    """A distribution p(code) over codes of shape (N, code_dim): float32, or int64 where codes are indices.

    A prior turns noise into codes, so that training, pictures from fixed noise and resumed runs control the noise.
    `forward` must be a deterministic function of the noise and the parameters, and `noise` must draw from the given
    generator alone.

    Attributes:
        code_dim: Number of dimensions of a code; for maps and indices, the product of their shape.
        kinds: Kinds of codes that the prior supports. A prior that supports vectors only is given flattened maps.
        learning: How the prior's parameters are trained.
        has_density: Whether `log_prob` is available: a log-density, or, for indices, a log-probability.
        support: The set in which the codes lie, and the measure that `log_prob` is a density with respect to; by
            default all of R^D with Lebesgue measure. The density may still be 0 in places, such as outside a box.
        takes_condition: Whether the codes may depend on a condition s. Such a prior must also work without a condition
            (`PriorContext.condition_dim` is 0).
        clusters: Number of components of a mixture that serves as a clustering; otherwise 0.
        code_steps: For a prior that learns from codes: number of updates on the codes of each batch.
        improvement: For a prior that learns from codes: factor of its gradient in the prior improvement phase, where it
            is also trained against the image discriminator; 0 if it does not take part.
        leaves_out: Whether the prior is made of training images and is trained by leave-one-out: each image is left out
            of the density of its own code. Phases then pass the images' indices to `leaving_out`.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import Prior
        >>> class CubePrior(Prior):
        ...     def __init__(self, code_dim):
        ...         super().__init__()
        ...         self.code_dim = code_dim
        ...
        ...     def noise(self, n, *, generator=None, device=None):
        ...         return torch.rand(n, self.code_dim, generator=generator, device=device)
        ...
        ...     def forward(self, noise, condition=None):
        ...         return 2 * noise - 1
        >>> CubePrior(4).sample(2).shape
        torch.Size([2, 4])
    """

    code_dim: int
    kinds: tuple[CodeKind, ...] = (CodeKind.VECTOR, CodeKind.MAP)
    learning: Learning = Learning.FIXED
    has_density: bool = False
    support: Support = Support()
    takes_condition: bool = False
    clusters: int = 0
    code_steps: int = 1
    improvement: float = 0.0
    leaves_out: bool = False

    @abc.abstractmethod
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws the noise that `forward` turns into `n` codes.

        Args:
            n: Number of samples, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Device of the noise; the CPU if it is None.

        Returns:
            A float32 tensor whose first dimension is `n`.
        """

    @abc.abstractmethod
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise of shape (N, ...) into codes of shape (N, code_dim).

        Args:
            noise: Shape (N, ...), as `noise` returns it.
            condition: s, shape (N, condition_dim), for a prior that takes one.
        """

    def sample(
        self,
        n: int,
        *,
        condition: Tensor | None = None,
        generator: torch.Generator | None = None,
        device: torch.device | None = None,
    ) -> Tensor:
        """Draws `n` codes, shape (n, code_dim), on the prior's device.

        The codes are differentiable with respect to the prior's parameters; use `torch.no_grad()` if no gradient is
        needed.

        Args:
            n: Number of codes, at least 1.
            condition: s, shape (n, condition_dim), for a prior that takes one.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Device of the noise; the device of the prior's tensors if it is None.
        """
        if device is None:
            device = next((tensor.device for tensor in (*self.parameters(), *self.buffers())), None)
        noise = self.noise(n, generator=generator, device=device)
        codes: Tensor = self(noise, condition) if self.takes_condition else self(noise)
        return codes

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes of shape (N, code_dim) in nats, shape (N,): summed over the dimensions of a code.

        Args:
            code: Shape (N, code_dim).
            condition: s, shape (N, condition_dim), for a prior that takes one. Without it, the density marginalised
                over s, if available.

        Raises:
            TypeError: The prior has no density (`has_density` is False).
            ValueError: The density depends on s, s is not given, and the density marginalised over s is not available.
        """
        raise TypeError(f"{type(self).__name__} has no density: it can only be sampled")

    def leaving_out(self, indices: Tensor) -> "Prior":
        """The prior whose density trains the codes of these training images; by default, this prior.

        Called once a step if `leaves_out` is True.

        Args:
            indices: Training images, int64 (N,). In the returned prior's `log_prob`, code n is the code of image
                `indices[n]`, and this image contributes nothing to the density of code n.
        """
        return self

    def distribution(self) -> Distribution:
        """This prior as a `torch.distributions` object with event shape (code_dim,), if it is one.

        Raises:
            TypeError: `torch.distributions` has no such distribution.
        """
        raise TypeError(f"{type(self).__name__} is not one of torch.distributions' distributions")

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(component | code) for codes of shape (N, code_dim): shape (N, clusters), rows sum to 1.

        Raises:
            TypeError: The prior is no mixture (`clusters` is 0).
        """
        raise TypeError(f"{type(self).__name__} has no clusters")

    def parameter_loss(self) -> Tensor | None:
        """A scalar that a prior learning by likelihood minimises in addition to the regularizer's terms; or None.

        For parameters with a distribution of their own: their negative log-density divided by the number of training
        images.
        """
        return None

    def condition_loss(self, condition: Tensor) -> Tensor | None:
        """The prior's own loss given s, added to the adversarial loss; or None.

        Minimised in each phase that trains the prior against a discriminator.

        Args:
            condition: s of the codes generated in this step, shape (N, condition_dim).

        Returns:
            A float32 scalar, the mean over the batch, such as the KL divergence of conditioning augmentation.
        """
        return None

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Tells an untrained prior the scale of the codes that it is about to be fitted to; by default, does nothing.

        A prior whose training depends on the codes' scale should keep a `Standardisation`, set it here, learn
        standardised codes, and undo the standardisation in `forward` and `log_prob`. Called only in separate stages,
        not while the autoencoder trains and the codes change.

        Args:
            mean: Mean of each dimension of all training images' codes, float32 (code_dim,), on the prior's device.
            deviation: Standard deviation of each, (code_dim,); 0 where a dimension does not vary.
        """

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws the random numbers of `code_loss` for `n` codes: float32, first dimension `n`.

        Args:
            n: Number of codes, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Device of the noise; the CPU if it is None.
        """
        return torch.empty(n, 0, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The loss of a prior that learns from codes: a float32 scalar, the mean over the batch.

        Args:
            code: Draws from the encoder's posteriors, shape (N, code_dim), detached; int64 where they are indices.
            noise: Shape (N, ...), as `code_noise` returns it.
            condition: s of the codes' images, shape (N, condition_dim), for a prior that takes one.

        Raises:
            TypeError: The prior does not learn from codes.
        """
        raise TypeError(f"{type(self).__name__} does not learn from codes")

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        """Fits a prior that learns from all codes at once, by changing its tensors in place.

        Args:
            code: Draws from the encoder's posteriors for all training images, float32 (M, code_dim); int64 where they
                are indices.
            noise: Shape (M, ...), as `code_noise` returns it.
            condition: s of the codes' images, shape (M, condition_dim), for a prior that takes one.

        Raises:
            TypeError: The prior does not learn from all codes at once.
            ValueError: The prior cannot be fitted to these codes; the message says what is needed.
        """
        raise TypeError(f"{type(self).__name__} does not learn from all codes at once")

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The training phases that this prior adds to those that the run lists; none by default.

        Called once, after the system has been built on the CPU; `system` is the very object that is trained.

        Raises:
            ValueError: The prior cannot be trained in this system; the message says what is needed.
        """
        return ()
