"""What the engine alternates: phases, and the moves that they are made of."""

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

import torch
from torch import Tensor, nn

__all__ = ["Batch", "Move", "Noise", "OptimizerSettings", "Phase", "Place"]

Noise = Mapping[str, Tensor]
"""What one pass through a phase is given beside the images, by name: its randomness, and what comes with the images.
Each tensor's first dimension is the batch."""


@dataclass(frozen=True)
class Move:
    """One player's turn: what it minimises.

    Attributes:
        player: The player, a key of the phase's `players`. Only its networks are trained by this move.
        terms: Scalar loss terms by name; their sum is minimised. Each must depend on the player's parameters.
        gradient_scale: Factors for the gradients of single networks of the player, 1 where not given.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import Move
        >>> move = Move("prior", {"distance": torch.tensor(1.5), "size": torch.tensor(0.5)})
        >>> sum(move.terms.values())
        tensor(2.)
    """

    player: str
    terms: Mapping[str, Tensor]
    gradient_scale: Mapping[str, float] = field(default_factory=dict)


class Batch(Enum):
    """What a phase is given a batch of. All phases of one stage take the same."""

    IMAGES = "images"
    """Training images, (N, C, H, W) in [-1, 1]."""

    CODES = "codes"
    """Codes (N, code_dim), drawn from the posteriors of an encoder that stands still, which are found once and kept."""

    ALL_CODES = "all codes"
    """The codes of all training images at once (M, code_dim), in memory. Such a stage has one step."""


class Place(Enum):
    """Where in a step a phase that a component brings takes its turn. Phases of one place keep their order."""

    BEFORE_AUTOENCODER = "before the autoencoder phase"
    AFTER_AUTOENCODER = "after the autoencoder phase, before the prior improvement phase"
    LAST = "last"


@dataclass(frozen=True)
class OptimizerSettings:
    """How a network is trained; None stands for the run's setting.

    Attributes:
        optimizer: `adam`, `adamw`, `rmsprop` or `sgd`.
        learning_rate: Above 0.
        beta1: Adam's beta1, momentum of the others; at least 0 and below 1.
        beta2: Adam's beta2, smoothing constant of RMSprop; at least 0 and below 1.
        weight_decay: At least 0.

    Examples:
        >>> from priorkit.interfaces import OptimizerSettings
        >>> settings = OptimizerSettings(learning_rate=1e-4, beta1=0.0)
        >>> settings.optimizer is None  # the run's
        True
    """

    optimizer: str | None = None
    learning_rate: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    weight_decay: float | None = None


class Phase(abc.ABC):
    """One entry of the alternation.

    A phase reads like the algorithm it implements: `moves` runs the networks and yields one move after another. The
    engine trains the move's player before it lets the phase go on, so that what the phase computes next sees the
    trained player; what it computed before stays usable, as long as it is detached from the player that has just moved.

    A phase may have networks of its own, such as a critic that no other phase uses. They are trained, saved and
    resumed with the system's.

    Attributes:
        name: What losses are filed under; unique among the phases of a run.
        players: For each player, the names of the networks that its moves train: the system's (`encoder`, `decoder`,
            `prior`, `regularizer`, `image_critic`, `recogniser`) or the phase's own.
        every: The phase takes part once every `every` steps.
        place: Where in a step it takes its turn, if a component brings it.
        batch: What it takes batches of. A phase that takes codes runs in a stage of its own, after the autoencoder's
            (`RunConfig.stages`, `priorkit fit`).
        needs_whole_batch: Whether its losses compare the samples of a batch with each other; several processes, each of
            which has a part of the batch, are then refused.
        differentiates_twice: Names of networks whose gradients its terms have gradients through, such as a decoder that
            codes climb the likelihood of; they are not compiled, as what torch.compile makes has no second derivative.
        networks: The phase's own networks, by names that no other network of the run has.
        optimizers: How networks that this phase trains are optimised, where that differs from the run's settings.

    Examples:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> from priorkit.interfaces import Move, Phase
        >>> class CentringPhase(Phase):
        ...     name = "centring"
        ...     players = {"prior": ("prior",)}
        ...
        ...     def __init__(self, system):
        ...         self.system = system
        ...
        ...     def noise(self, n, generator, device):
        ...         return {"prior": torch.randn(n, 2, generator=generator, device=device)}
        ...
        ...     def moves(self, images, noise):
        ...         yield Move("prior", {"offset": self.system.prior(noise["prior"]).mean().square()})
        >>> phase = CentringPhase(SimpleNamespace(prior=torch.nn.Linear(2, 4)))
        >>> noise = phase.noise(3, torch.Generator(), torch.device("cpu"))
        >>> [move.player for move in phase.moves(torch.zeros(3, 1, 16, 16), noise)]
        ['prior']
    """

    name: str
    players: Mapping[str, tuple[str, ...]]
    every: int = 1
    place: Place = Place.AFTER_AUTOENCODER
    batch: Batch = Batch.IMAGES
    needs_whole_batch: bool = False
    differentiates_twice: tuple[str, ...] = ()
    networks: Mapping[str, nn.Module] = MappingProxyType({})
    optimizers: Mapping[str, OptimizerSettings] = MappingProxyType({})

    @abc.abstractmethod
    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """Draws the randomness that `moves` needs for a batch of `n` images, from `generator` alone."""

    @abc.abstractmethod
    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """Yields the moves for a batch of images of shape (N, C, H, W) in [-1, 1], or of codes (see `batch`).

        A function of its arguments and of the networks: it draws no randomness of its own. Before training, a phase is
        tried on two blank images, or on their codes.

        Args:
            images: A batch of training images, on the run's device; codes (N, code_dim) for a phase that takes those.
            noise: What `noise` drew. Where images bring a condition, it lies there as `condition`, shape (N, dim); a
                condition that is drawn at random is drawn by `noise`. Another image's s lies there as `mismatched`, and
                the s that images are to be made from as `interpolated`, if the condition asks for them. What the
                condition is made of lies there as `entries`, shape (N, ...), if the condition says so
                (`Condition.shows_entries`). Where the prior leaves images out (`Prior.leaves_out`), `indices`, int64
                (N,), says which training images they are.
        """
