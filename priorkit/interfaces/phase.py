"""Phases, which the engine alternates, and the moves that they consist of."""

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

import torch
from torch import Tensor, nn

__all__ = ["Batch", "Move", "Noise", "OptimizerSettings", "Phase", "Place"]

Noise = Mapping[str, Tensor]
"""Inputs of one pass through a phase in addition to the images, by name: random numbers, and data such as conditions.
The first dimension of each tensor is the batch."""


@dataclass(frozen=True)
class Move:
    """One player's turn: the loss that the player minimises.

    Attributes:
        player: The player, a key of the phase's `players`. Only its networks are trained by this move.
        terms: Scalar loss terms by name; their sum is minimised. Each must depend on the player's parameters.
        gradient_scale: Factors for the gradients of single networks of the player; 1 by default.

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
    """What a phase takes batches of. All phases of one stage take the same."""

    IMAGES = "images"
    """Training images, (N, C, H, W) in [-1, 1]."""

    CODES = "codes"
    """Codes (N, code_dim), drawn from the posteriors of a frozen encoder, which are computed once and cached."""

    ALL_CODES = "all codes"
    """The codes of all training images at once (M, code_dim), in memory. Such a stage has one step."""


class Place(Enum):
    """The position in a step of a phase that a component adds. Phases at the same position keep their order."""

    BEFORE_AUTOENCODER = "before the autoencoder phase"
    AFTER_AUTOENCODER = "after the autoencoder phase, before the prior improvement phase"
    LAST = "last"


@dataclass(frozen=True)
class OptimizerSettings:
    """The optimiser settings of one network; None stands for the run's setting.

    Attributes:
        optimizer: `adam`, `adamw`, `rmsprop` or `sgd`.
        learning_rate: Above 0.
        beta1: Adam's beta1, or the momentum of the other optimisers; at least 0 and below 1.
        beta2: Adam's beta2, or the smoothing constant of RMSprop; at least 0 and below 1.
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
    """One part of each training step, in which some networks are trained.

    A phase reads like the algorithm that it implements: `moves` runs the networks and yields one move after another.
    The engine updates the move's player before it resumes the phase, so later computations use the updated player.
    Tensors computed earlier stay usable as long as they are detached from the player that has just been updated.

    A phase may have its own networks, such as a critic that no other phase uses. They are trained, saved and resumed
    together with the system's.

    Attributes:
        name: The name under which losses are recorded; unique among the phases of a run.
        players: For each player, the names of the networks that its moves train: the system's (`encoder`, `decoder`,
            `prior`, `regularizer`, `image_critic`, `recogniser`) or the phase's own.
        every: The phase takes part once every `every` steps.
        place: The position in a step, if a component adds this phase.
        batch: What the phase takes batches of. A phase that takes codes runs in its own stage, after the autoencoder's
            (`RunConfig.stages`, `priorkit fit`).
        needs_whole_batch: Whether the losses compare the samples of a batch with each other. Such a phase cannot be
            trained in several processes, each of which has a part of the batch.
        differentiates_twice: Names of the networks that need double backward, such as a decoder whose likelihood
            gradient moves codes (leapfrog steps). They are not compiled: torch.compile does not support double
            backward.
        networks: The phase's own networks by name; the names must be unique in the run.
        optimizers: Optimiser settings by network, where they differ from the run's.

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

        Must depend on the arguments and the networks alone: no other random numbers may be drawn. Before training,
        priorkit tries the phase on two blank images, or on their codes.

        Args:
            images: A batch of training images, on the run's device; codes (N, code_dim) if `batch` says so.
            noise: The tensors that `noise` drew, and these, where they apply: `condition`, the s of the images, shape
                (N, dim) (an s that is random rather than from the data must be drawn by `noise`); `mismatched`, the s
                of other images, and `interpolated`, mixed s to generate images from, if the condition asks for them;
                `entries`, shape (N, ...), the raw conditions, if `Condition.shows_entries`; `indices`, int64 (N,),
                which training images these are, if `Prior.leaves_out`.
        """
