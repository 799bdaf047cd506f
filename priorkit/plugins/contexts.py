"""What a run tells a component when it builds it: one context for each kind of component."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from priorkit.interfaces import AdversarialLoss, CodeGenerator, CodeSpace, Encoder, ImageSet, ImageShape, Networks

__all__ = [
    "AdversarialLossContext",
    "CodeGeneratorContext",
    "ConditionContext",
    "DataContext",
    "EncoderContext",
    "ExtractorContext",
    "LossContext",
    "NetworksContext",
    "PriorContext",
    "RegularizerContext",
]


class _CodesContext:
    """What has codes in it: vectors, unless their space is given."""

    code_dim: int
    codes: CodeSpace

    def __post_init__(self) -> None:
        if self.codes is None:
            # Imported here: it imports torch, which entry modules do without.
            from priorkit.interfaces import CodeSpace

            object.__setattr__(self, "codes", CodeSpace((self.code_dim,)))


@dataclass(frozen=True)
class PriorContext(_CodesContext):
    """For `priorkit_priors`.

    Attributes:
        code_dim: Dimensions of a code.
        code_generator: Makes the code generator that the run has chosen, from the dimensions of its noise and the width
            of its hidden layers (None: the generator's own default). A conditional one takes [z; s], so its noise has
            `condition_dim` dimensions more.
        condition_dim: Dimensions of the condition s, or 0 where there is none.
        encoder: The run's encoder, for a prior that is made of posteriors; None in a run without one. It is trained and
            saved by itself: a prior must not register it as a submodule.
        images: Draws training images to start from: called with their number (at least 1), gives float32 (n, C, H, W)
            in [-1, 1], the same ones at every call. Blank ones where a trained run is loaded, whose tensors follow.
        train_count: Number of training images; 1 where a trained run is loaded.
        classes: Number of classes, where s is a class and nothing else, one-hot (then it is `condition_dim`); else 0.
        codes: The space of the codes, of `code_dim` dimensions; vectors if it is not given.
    """

    code_dim: int
    code_generator: Callable[[int, int | None], CodeGenerator]
    condition_dim: int = 0
    encoder: Encoder | None = None
    images: Callable[[int], Tensor] | None = None
    train_count: int = 1
    classes: int = 0
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class CodeGeneratorContext(_CodesContext):
    """For `priorkit_code_generators`.

    Attributes:
        noise_dim: Dimensions of its input: of z, or of [z; s] where there is a condition.
        code_dim: Dimensions of the code z_c.
        hidden: Width of the hidden layers; None for the generator's own default.
        codes: The space of the codes, of `code_dim` dimensions; vectors if it is not given.
    """

    noise_dim: int
    code_dim: int
    hidden: int | None = None
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class ConditionContext:
    """For `priorkit_conditions`.

    Attributes:
        classes: Number of classes that the data's labels have; 0 if there are no labels.
        embedding_dim: Dimensions of the data's embeddings; 0 if there are none.
        train: The training images, or None where a trained run is loaded, whose tensors follow.
    """

    classes: int = 0
    embedding_dim: int = 0
    train: ImageSet | None = None


@dataclass(frozen=True)
class EncoderContext(_CodesContext):
    """For `priorkit_encoders`.

    Attributes:
        networks: The architecture whose encoder body to use. Where codes are maps, the body's outputs are maps, too,
            flat: `encoder(2 * code_dim)` has twice the channels.
        code_dim: Dimensions of a code.
        codes: The space of the codes, of `code_dim` dimensions: vectors, if it is not given, or maps.
    """

    networks: Networks
    code_dim: int
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class RegularizerContext(_CodesContext):
    """For `priorkit_regularizers`.

    Attributes:
        networks: The architecture whose code critic to use.
        code_dim: Dimensions of a code.
        adversarial_loss: The loss of the critic and of those who fool it; an instance of the regularizer's own.
        condition_dim: Dimensions of the condition s that D_C is shown beside the code; 0 for none.
        codes: The space of the codes, of `code_dim` dimensions; vectors if it is not given.
    """

    networks: Networks
    code_dim: int
    adversarial_loss: AdversarialLoss
    condition_dim: int = 0
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class LossContext:
    """For `priorkit_losses`.

    Attributes:
        shape: The images' shape.
        trained: Whether a trained run is loaded, to be used only: what a loss would read from files (the weights of a
            network that it compares images with) is then not needed.
    """

    shape: ImageShape
    trained: bool = False


@dataclass(frozen=True)
class AdversarialLossContext:
    """For `priorkit_adversarial_losses`: nothing yet."""


@dataclass(frozen=True)
class NetworksContext:
    """For `priorkit_networks`.

    Attributes:
        shape: The images' shape.
    """

    shape: ImageShape


@dataclass(frozen=True)
class DataContext:
    """For `priorkit_datasets`.

    Attributes:
        data_dir: Where the user keeps the data, or None.
        image_size: The size in pixels that the user asked for, or None. A source whose images differ in size must bring
            them to it (or say that it is needed); others may leave it to priorkit, which resizes at the end.
        channels: 1 or 3 if the user asked for grey or RGB images, or None; as for `image_size`.
        holdout: Share of the images to hold out, between 0 and 1, for data without a test set of its own.
        seed: Seed of that choice.
        memory: Bytes that the images may take in main memory, as `priorkit.plugins.image_bytes` counts them. A source
            that can give images on disk (`priorkit.interfaces.StoredImages`) gives larger sets so; the pixels are the
            same either way.
    """

    data_dir: Path | None = None
    image_size: int | None = None
    channels: int | None = None
    holdout: float = 0.1
    seed: int = 0
    memory: int = sys.maxsize


@dataclass(frozen=True)
class ExtractorContext:
    """For `priorkit_extractors`.

    Attributes:
        shape: The images' shape.
        cache: Where weights that were trained or downloaded are kept for the next time; it may not exist yet.
        device: Where to compute.
        bfloat16: Whether that device computes well in bfloat16, for training what is to be trained.
    """

    shape: ImageShape
    cache: Path
    device: torch.device
    bfloat16: bool = False
