"""What the engine alternates: phases, and the moves that they are made of."""

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Move", "Noise", "Phase"]

Noise = Mapping[str, Tensor]
"""What one pass through a phase is given beside the images, by name: its randomness, and what comes with the images.
Each tensor's first dimension is the batch."""


@dataclass(frozen=True)
class Move:
    """One player's turn: what it minimises.

    Attributes:
        player: The player, a key of the phase's `players`. Only its networks are trained by this move.
        terms: Scalar loss terms by name; their sum is minimised. None of them may be missing a path to the player.
        gradient_scale: Factors for the gradients of single networks of the player, 1 where not given.
    """

    player: str
    terms: Mapping[str, Tensor]
    gradient_scale: Mapping[str, float] = field(default_factory=dict)


class Phase(abc.ABC):
    """One entry of the alternation.

    A phase reads like the algorithm it implements: `moves` runs the networks and yields one move after another. The
    engine trains the move's player before it lets the phase go on, so that what the phase computes next sees the
    trained player; what it computed before stays usable, as long as it is detached from the player that has just moved.

    Attributes:
        name: What losses are filed under.
        players: For each player, the names of the networks that its moves train.
        every: The phase takes part in every so many-th step.
    """

    name: str
    players: Mapping[str, tuple[str, ...]]
    every: int = 1

    @abc.abstractmethod
    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """Draws the randomness that `moves` needs for a batch of `n` images, from `generator` alone."""

    @abc.abstractmethod
    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """Yields the moves for a batch of images of shape (N, C, H, W) in [-1, 1].

        A function of its arguments and of the networks: it draws no randomness of its own.
        """
