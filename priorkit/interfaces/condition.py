"""The condition: the vector s, a class or a description, that generated images should match."""

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
    """Which images the classifier Q learns to recover the condition from."""

    NONE = "none"
    """There is no Q."""

    REAL = "real"
    """From the data's images and their own conditions."""

    GENERATED = "generated"
    """From generated images and the conditions they were made from (Eq. 7 of Wang et al. 2020, as it stands)."""

    BOTH = "both"

    SELF_LABELLED = "self-labelled"
    """From the data's images alone, without labels: Q learns classes that are balanced, confidently predicted, and
    unchanged by small changes of an image (Hu et al. 2017, IMSAT; Ji et al. 2019, IIC)."""


class Condition(nn.Module, abc.ABC):
    """s: the conditioning vectors of images, of shape (N, dim) (Sections III-C and V of Wang et al. 2020).

    Attributes:
        dim: Dimensions of s, at least 1.
        classes: Number of classes if the first dimensions of s are a one-hot class (dimension k stands for class k);
            the dimensions after them then describe variation within the class, centred on 0. 0 if s has no classes.
        from_data: Whether every training image has its own s; otherwise s is drawn at random.
        from_labels: Whether the s of an image is its label: class k of the data is then class k of s.
        seen_by_code_critic: Whether D_C receives s together with the code (Eq. 8).
        seen_by_image_critic: Whether D_I receives s together with the image.
        mismatched: Whether D_I also receives real images with the s of another image, as fakes.
        interpolated: In the prior improvement phase, the share of generated images, from 0 to 1, that are made from a
            mixture of the s of two images (`mixture`). D_I receives the mixed s with these images, never with real
            images (Reed et al. 2016, arXiv:1605.05396, Section 4.3).
        recovery: Which images Q learns from. Unless it is `NONE`, the generator also minimises `recovery_loss`.
        recovery_weight: Weight of `recovery_loss` in the generator's loss.
        needs_whole_batch: Whether `self_labelling_terms` compares the images of a batch with each other. Such a
            condition cannot be trained in several processes, each of which has a part of the batch.
        several_entries: Whether an image may have several entries, such as captions, one of which is used in each step
            (`one_of`).
        shows_entries: Whether phases also receive the entries, as `noise["entries"]`. Needed if one of the condition's
            own phases trains the network that turns entries into s. `draw_entries` supplies entries for the checks
            before training.
        reads_text: Whether `of_texts` turns texts into s.

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
        """Draws `n` random conditions: float32 (n, dim).

        Args:
            n: Number of conditions, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Device of the result; the CPU if it is None.
        """

    def entries(self, images: ImageSet) -> Tensor:
        """The raw conditions of images: labels int64 (N,), vectors float32 (N, dim), or K entries an image (N, K, ...).

        Raises:
            ValueError: The images have no such labels, vectors or captions.
            TypeError: This condition does not come from the data (`from_data` is False).
        """
        raise TypeError(f"{type(self).__name__} is drawn at random: images have no entries for it")

    def one_of(self, entries: Tensor, chances: Tensor) -> Tensor:
        """Picks one of each image's entries for this step; images with a single entry (N, ...) are returned unchanged.

        Args:
            entries: Entries of a batch, (N, K, ...), rows of what `entries` returns.
            chances: Uniform in [0, 1), float32 (N,): decides which entry of each image is picked.
        """
        return entries

    def draw_entries(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws `n` random entries, of the form that images have, one for each image: (n, ...).

        Raises:
            TypeError: Phases are not given this condition's entries (`shows_entries` is False).
        """
        raise TypeError(f"{type(self).__name__} has no entries: its phases do not receive any")

    def vectors(self, entries: Tensor) -> Tensor:
        """Turns entries, one for each image, into s: float32 (N, dim)."""
        return entries

    def mixture(self, condition: Tensor, other: Tensor) -> Tensor:
        """Mixes the s of two images: by default their mean, float32 (N, dim).

        Args:
            condition: The s of N images, float32 (N, dim).
            other: The s of N other images, same shape.
        """
        return (condition + other) / 2

    def of_texts(self, texts: Sequence[str]) -> Tensor:
        """The vectors s of texts: float32 (n, dim), on this condition's device.

        Raises:
            TypeError: This condition does not read texts (`reads_text` is False).
            ValueError: A text is empty, or has no word that can be read.
        """
        raise TypeError(f"{type(self).__name__} does not read texts")

    def reads(self, text: str) -> bool:
        """Whether `of_texts` takes a text: by default, any that is not empty."""
        return bool(text.strip())

    def unread(self, text: str) -> tuple[tuple[str, ...], bool]:
        """What `of_texts` ignores of a text: its unknown words, and whether its end is cut off."""
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
        """Draws the random numbers with which `changed` changes `n` images: float32 (n, ...).

        Args:
            n: Number of images, at least 1.
            generator: Source of randomness, on `device`; torch's global one if it is None.
            device: Device of the result; the CPU if it is None.

        Raises:
            TypeError: Q does not learn without labels (`recovery` is not SELF_LABELLED).
        """
        raise TypeError(f"{type(self).__name__} does not change images: its classifier Q does not learn without labels")

    def changed(self, images: Tensor, noise: Tensor) -> Tensor:
        """Changes each image without changing its class; depends on the image and its noise alone.

        Args:
            images: Shape (N, C, H, W), values in [-1, 1].
            noise: Shape (N, ...), as `change_noise` returns it.

        Returns:
            Images of the same shape, values in [-1, 1].

        Raises:
            TypeError: Q does not learn without labels.
        """
        raise TypeError(f"{type(self).__name__} does not change images: its classifier Q does not learn without labels")

    def self_labelling_terms(self, recovered: Tensor, changed: Tensor) -> dict[str, Tensor]:
        """What Q and D_I's trunk minimise on real images if Q learns without labels: float32 scalars by name.

        Args:
            recovered: Q's output for a batch of images, shape (N, dim).
            changed: Q's output for the same images after `changed`, shape (N, dim).

        Raises:
            TypeError: Q does not learn without labels.
        """
        raise TypeError(f"{type(self).__name__} has no loss for a classifier Q that learns without labels")

    def phases(self, system: "System") -> "Sequence[Phase]":
        """The training phases that this condition adds to those that the run lists; none by default.

        Called once, after the system has been built on the CPU; `system` is the very object that is trained.

        Raises:
            ValueError: The condition cannot be trained in this system; the message says what is needed.
        """
        return ()
