"""The prior: a distribution over codes that can at least be sampled."""

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
    """It has none: no phase trains it."""

    LIKELIHOOD = "likelihood"
    """Together with the encoder, through the regularizer (VampPrior, flows, mixtures), or from codes in a stage of its
    own, by its log-density."""

    ADVERSARIAL = "adversarial"
    """In the prior improvement phase, by fooling the image discriminator (Eq. 4 of Wang et al. 2020); or by fooling a
    code discriminator, in a phase that the regularizer brings."""

    CODES = "codes"
    """From the encoder's codes, by `code_loss`; the encoder learns nothing from it."""

    ALL_CODES = "all codes"
    """By `fit_codes`, once, from the codes of all training images: in closed form, or by EM. This takes a stage of its
    own, after the autoencoder's. It has buffers, and no parameters that gradients train."""

    PHASES = "phases"
    """In phases of its own, which `Prior.phases` brings; at least one of them trains the network `prior`."""


class Prior(nn.Module, abc.ABC):
    """A distribution p(code) over codes of shape (N, code_dim): float32, or int64 where codes are indices.

    A prior is described by how it turns noise into codes, so that training, pictures from fixed noise and resumed runs
    can all say which noise they use. `forward` must be a deterministic function of the noise and the parameters, and
    `noise` must draw from the generator that it is given and from nothing else.

    Attributes:
        code_dim: Number of dimensions of a code; of maps and indices, the product of their shape.
        kinds: Kinds of codes that it can be a prior of. One that knows vectors alone has maps flattened.
        learning: How the prior's parameters are trained.
        has_density: Whether `log_prob` is available: a density, or of indices the logarithm of a probability.
        support: Where its codes lie, and what `log_prob` is a density with respect to: all codes and their volume, if
            it does not say otherwise. A density may still be 0 in places, as that of a box is.
        takes_condition: Whether the codes depend on a condition s, which is then given wherever there may be one. A
            prior that takes one may still be built without (`PriorContext.condition_dim` is 0).
        clusters: Number of parts that the prior is a mixture of, if that is what it is for; otherwise 0.
        code_steps: Of a prior that learns from codes: how often it is trained on the codes of a batch.
        improvement: Of a prior that learns from codes: factor of the gradient by which it also fools the image
            discriminator in the prior improvement phase; 0 where it does not take part.
        leaves_out: Whether the prior is made of training images, each of which is left out of the density that its own
            code is trained by: phases then find which images a batch has, and ask for `leaving_out`.

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
        """Draws the randomness that `forward` turns into `n` codes.

        Args:
            n: Number of samples, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Where the noise is made; the CPU if it is None.

        Returns:
            A float32 tensor whose first dimension is `n`.
        """

    @abc.abstractmethod
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise of shape (N, ...) into codes of shape (N, code_dim).

        Args:
            noise: Shape (N, ...), as `noise` gives it.
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
        """Draws `n` codes, shape (n, code_dim), on the device of the prior.

        Gradients reach the prior's parameters where it has some; use `torch.no_grad()` where they are not wanted.

        Args:
            n: Number of codes, at least 1.
            condition: s, shape (n, condition_dim), for a prior that takes one.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Where the noise is made; where the prior's tensors are if it is None.
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
            condition: s, shape (N, condition_dim), for a prior that takes one; without it, the density over all s,
                where there is one.

        Raises:
            TypeError: The prior has no density (`has_density` is False).
            ValueError: Its density depends on s, none is given, and there is none over all s.
        """
        raise TypeError(f"{type(self).__name__} has no density: it can only be sampled")

    def leaving_out(self, indices: Tensor) -> "Prior":
        """The prior by whose density the codes of training images are trained; by default, this prior.

        Called once a step, of a prior that `leaves_out`.

        Args:
            indices: Which training images, int64 (N,): code n of those that `log_prob` is then given is that of image
                `indices[n]`, which has no share in its density.
        """
        return self

    def distribution(self) -> Distribution:
        """This prior as a `torch.distributions` object with event shape (code_dim,), where it is one.

        Raises:
            TypeError: The prior is no distribution that `torch.distributions` knows.
        """
        raise TypeError(f"{type(self).__name__} is not one of torch.distributions' distributions")

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(part | code) of a mixture's parts, for codes of shape (N, code_dim): shape (N, clusters), rows sum to 1.

        Raises:
            TypeError: The prior has no parts (`clusters` is 0).
        """
        raise TypeError(f"{type(self).__name__} has no clusters")

    def parameter_loss(self) -> Tensor | None:
        """What a prior that learns by likelihood minimises beside the regularizer's terms, a scalar; or None.

        Its parameters' own negative log-density, where they have one, divided by the number of training images.
        """
        return None

    def condition_loss(self, condition: Tensor) -> Tensor | None:
        """The prior's own loss given s, added to the adversarial loss; None if it has none.

        Each phase in which the prior fools a discriminator minimises it.

        Args:
            condition: s of the codes that it makes in this step, shape (N, condition_dim).

        Returns:
            A float32 scalar, the mean over the batch, such as the divergence of what is drawn around s.
        """
        return None

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Tells an untrained prior the scale of the codes that a stage is about to fit it to; by default, nothing.

        A prior whose learning depends on the codes' scale keeps a `Standardisation`, sets it here, learns standardised
        codes, and undoes it in `forward` and in `log_prob`. Beside the autoencoder, where codes move, it is not called.

        Args:
            mean: Mean of each dimension of all training images' codes, float32 (code_dim,), on the prior's device.
            deviation: Standard deviation of each, (code_dim,); 0 where a dimension does not vary.
        """

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws the randomness of `code_loss` for `n` codes: float32, first dimension `n`.

        Args:
            n: Number of codes, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Where the noise is made; the CPU if it is None.
        """
        return torch.empty(n, 0, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """What a prior that learns from codes minimises: a float32 scalar, the mean over the batch.

        Args:
            code: Draws from the encoder's posteriors, shape (N, code_dim), detached; int64 where they are indices.
            noise: Shape (N, ...), as `code_noise` gives it.
            condition: s of the codes' images, shape (N, condition_dim), for a prior that takes one.

        Raises:
            TypeError: The prior does not learn from codes.
        """
        raise TypeError(f"{type(self).__name__} does not learn from codes")

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        """Fits a prior that learns from all codes at once; it writes to its tensors in place.

        Args:
            code: Draws from the encoder's posteriors for all training images, float32 (M, code_dim); int64 where they
                are indices.
            noise: Shape (M, ...), as `code_noise` gives it.
            condition: s of the codes' images, shape (M, condition_dim), for a prior that takes one.

        Raises:
            TypeError: The prior does not learn so.
            ValueError: The codes cannot be fitted; the message says what would do.
        """
        raise TypeError(f"{type(self).__name__} does not learn from all codes at once")

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The phases that this prior brings into training, beside those that the run lists; none by default.

        Called once, after the system has been built on the CPU; what it is given is the system that is trained.

        Raises:
            ValueError: The prior cannot be trained in this system; the message says what would do.
        """
        return ()
