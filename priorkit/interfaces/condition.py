"""The condition: what a model is asked to make, a class or a description."""

import abc
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from priorkit.interfaces.data import ImageSet

if TYPE_CHECKING:
    from priorkit.interfaces.phase import Phase
    from priorkit.interfaces.system import System

__all__ = ["Condition", "Recovery"]


class Recovery(Enum):
    """From which images the classifier Q learns to recover the condition."""

    NONE = "none"
    """There is no Q."""

    REAL = "real"
    """From the data's images and their own conditions."""

    GENERATED = "generated"
    """From generated images and the conditions they were made from (Eq. 7 of Wang et al. 2020, as it stands)."""

    BOTH = "both"

    SELF_LABELLED = "self-labelled"
    """From the data's images alone: Q finds classes that fill up evenly, are told apart surely, and stay the same where
    an image changes a little (Hu et al. 2017, IMSAT; Ji et al. 2019, IIC)."""


class Condition(nn.Module, abc.ABC):
    """s: the conditioning vectors of images, of shape (N, dim) (Sections III-C and V of Wang et al. 2020).

    Attributes:
        dim: Dimensions of s, at least 1.
        classes: Number of classes where s says one of them, one-hot: dimension k stands for class k. Dimensions that
            follow them vary what an image of the class looks like, around 0. 0 where s is anything else.
        from_data: Whether every training image has an s of its own; otherwise s is drawn at random.
        from_labels: Whether that s is the image's label; the data's class k is then class k of s.
        seen_by_code_critic: Whether D_C is shown s beside the code (Eq. 8).
        seen_by_image_critic: Whether D_I is shown s beside the image.
        mismatched: Whether D_I is also shown real images with another s, as fakes.
        interpolated: Share of generated images, from 0 to 1, that are made from a mixture of their image's s and
            another's (`mixture`), in the prior improvement phase; D_I is shown that s beside them, and never beside
            real images (Reed et al. 2016, arXiv:1605.05396, Section 4.3).
        recovery: From which images Q learns; what is generated then minimises `recovery_loss` too.
        recovery_weight: Weight of that loss for those who generate.
        needs_whole_batch: Whether `self_labelling_terms` compares the images of a batch with each other. Several
            processes, each of which has a part of the batch, refuse such a condition.
        several_entries: Whether an image may bring several entries, such as captions, of which each step uses one
            (`one_of`).
        shows_entries: Whether phases receive the entries too, as `noise["entries"]`. A condition needs this if a phase
            of its own trains the network that turns entries into s. `draw_entries` supplies entries before training.
        reads_text: Whether `of_texts` makes s of texts.

    Examples:
        >>> import torch
        >>> from torch.nn.functional import cross_entropy, one_hot
        >>> from priorkit.interfaces import Condition
        >>> class CoinCondition(Condition):
        ...     dim = classes = 2
        ...
        ...     def draw(self, n, *, generator=None, device=None):
        ...         return one_hot(torch.randint(2, (n,), generator=generator, device=device), 2).float()
        ...
        ...     def recovery_loss(self, recovered, condition):
        ...         return cross_entropy(recovered.float(), condition)
        >>> CoinCondition().draw(3).sum(1)
        tensor([1., 1., 1.])
    """

    dim: int
    classes: int = 0
    from_data: bool = False
    from_labels: bool = False
    seen_by_code_critic: bool = False
    seen_by_image_critic: bool = False
    mismatched: bool = False
    interpolated: float = 0.0
    recovery: Recovery = Recovery.NONE
    recovery_weight: float = 1.0
    needs_whole_batch: bool = False
    several_entries: bool = False
    shows_entries: bool = False
    reads_text: bool = False

    @abc.abstractmethod
    def draw(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws `n` conditions: float32 (n, dim).

        Args:
            n: Number of conditions, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Where they are made; the CPU if it is None.
        """

    def entries(self, images: ImageSet) -> Tensor:
        """What each image brings with it: labels int64 (N,), vectors float32 (N, dim), or several entries (N, K, ...).

        Raises:
            ValueError: The images bring nothing of the kind.
            TypeError: This condition does not come from the data (`from_data` is False).
        """
        raise TypeError(f"{type(self).__name__} is drawn at random: images bring none")

    def one_of(self, entries: Tensor, chances: Tensor) -> Tensor:
        """Of several entries of each image, the one that this step uses; an entry (N, ...) by itself is returned as is.

        Args:
            entries: Those of a batch, (N, K, ...) of what `entries` gives.
            chances: Uniform in [0, 1), float32 (N,): which of its entries an image's is.
        """
        return entries

    def draw_entries(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws `n` entries as images bring them, each image one: (n, ...).

        Raises:
            TypeError: Phases are not given this condition's entries (`shows_entries` is False).
        """
        raise TypeError(f"{type(self).__name__} keeps no entries of images: its phases are not given them")

    def vectors(self, entries: Tensor) -> Tensor:
        """Turns entries, one an image, into s: float32 (N, dim)."""
        return entries

    def mixture(self, condition: Tensor, other: Tensor) -> Tensor:
        """The s between those of two images: by default their mean, float32 (N, dim).

        Args:
            condition: s of images, float32 (N, dim).
            other: s of as many other images.
        """
        return (condition + other) / 2

    def of_texts(self, texts: Sequence[str]) -> Tensor:
        """The vectors s of texts: float32 (n, dim), on this condition's device.

        Raises:
            TypeError: s is not made of texts (`reads_text` is False).
            ValueError: A text is empty, or has nothing in it that can be read.
        """
        raise TypeError(f"{type(self).__name__} reads no texts")

    def reads(self, text: str) -> bool:
        """Whether `of_texts` takes a text: by default, any that is not empty."""
        return bool(text.strip())

    def unread(self, text: str) -> tuple[tuple[str, ...], bool]:
        """What `of_texts` leaves out of a text: words that it does not know, and whether the end is cut off."""
        return (), False

    @abc.abstractmethod
    def recovery_loss(self, recovered: Tensor, condition: Tensor) -> Tensor:
        """L_MI = -E[log Q(s | x)], in nats (Eq. 7 of Wang et al. 2020): a float32 scalar, the mean over the batch.

        Args:
            recovered: Q's output for a batch of images, shape (N, dim).
            condition: Their s, shape (N, dim).
        """

    def change_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws the random numbers that `changed` changes `n` images by: float32 (n, ...).

        Args:
            n: Number of images, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Where they are made; the CPU if it is None.

        Raises:
            TypeError: Q does not label images itself (`recovery` is not SELF_LABELLED).
        """
        raise TypeError(f"{type(self).__name__} knows no changes of images: its Q does not label them itself")

    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        """Changes each image in a way that keeps its class; a function of the image and its noise alone.

        Args:
            images: Shape (N, C, H, W), values in [-1, 1].
            noise: Shape (N, ...), as `change_noise` gives it.

        Returns:
            Images of the same shape, values in [-1, 1].

        Raises:
            TypeError: Q does not label images itself.
        """
        raise TypeError(f"{type(self).__name__} knows no changes of images: its Q does not label them itself")

    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        """What Q and D_I's trunk minimise on real images where Q labels them itself: float32 scalars by name.

        Args:
            recovered: Q's output for a batch of images, shape (N, dim).
            changed: Q's output for the same images, `changed`, shape (N, dim).

        Raises:
            TypeError: Q does not label images itself.
        """
        raise TypeError(f"{type(self).__name__} has no loss for a Q that labels images itself")

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The phases that this condition brings into training, beside those that the run lists; none by default.

        Called once, after the system has been built on the CPU; what it is given is the system that is trained.

        Raises:
            ValueError: The condition cannot be trained in this system; the message says what would do.
        """
        return ()
