"""What a run tells a component's `build` function: one context for each kind of component."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from priorkit.interfaces import (
        AdversarialLoss,
        CodeGenerator,
        CodeSpace,
        Encoder,
        ImageSet,
        ImageShape,
        Networks,
        System,
        TextEncoder,
    )

__all__ = [
    "AdversarialLossContext",
    "CodeGeneratorContext",
    "ConditionContext",
    "EncoderContext",
    "LossContext",
    "NetworksContext",
    "PhaseContext",
    "PriorContext",
    "RegularizerContext",
    "TextEncoderContext",
]


class _CodesContext:
    """A context with a code space: vectors, unless given."""

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
        code_generator: Makes the run's code generator, given the dimensions of the noise z and of the condition s (0
            for none). Its input is [z; s].
        condition_dim: Dimensions of the condition s, or 0 if the run has none.
        encoder: The run's encoder, for a prior that is a mixture of posteriors; None in a run without an encoder. The
            encoder is trained and saved separately: a prior must not register it as a submodule.
        images: Draws training images for initialisation: called with their number (at least 1), returns float32 (n, C,
            H, W) in [-1, 1], the same images at every call. When a trained run is loaded, the images are blank, and the
            saved tensors are loaded afterwards: keep whatever you need of the images in parameters or buffers.
        train_count: Number of training images.
        classes: Number of classes if s is just a one-hot class (then equal to `condition_dim`); otherwise 0.
        training_images: Returns all training images, for a prior that reads them throughout (an exemplar prior). When a
            trained run is loaded, this call reads the data set, and raises a `PriorkitError` if it is missing.
        codes: The space of the codes, of `code_dim` dimensions; vectors by default.

    Examples:
        >>> from priorkit.plugins import PriorContext
        >>> from priorkit.registry import installed_plugins
        >>> gaussian = installed_plugins().get("prior", "gaussian").component
        >>> context = PriorContext(code_dim=4, code_generator=lambda noise_dim, condition_dim: None)
        >>> gaussian.build(gaussian.options(), context).sample(2).shape
        torch.Size([2, 4])
    """

    code_dim: int
    code_generator: Callable[[int, int], CodeGenerator]
    condition_dim: int = 0
    encoder: Encoder | None = None
    images: Callable[[int], Tensor] | None = None
    train_count: int = 1
    classes: int = 0
    training_images: Callable[[], ImageSet] | None = None
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class CodeGeneratorContext(_CodesContext):
    """For `priorkit_code_generators`.

    Attributes:
        noise_dim: Dimensions of the input: of z, or of [z; s] if the run has a condition.
        code_dim: Dimensions of the code z_c.
        condition_dim: Dimensions of s, which are the last ones of the input; 0 if the run has no condition.
        codes: The space of the codes, of `code_dim` dimensions; vectors by default.

    Examples:
        >>> from priorkit.plugins import CodeGeneratorContext
        >>> from priorkit.registry import installed_plugins
        >>> mlp = installed_plugins().get("code_generator", "mlp").component
        >>> mlp.build(mlp.options(), CodeGeneratorContext(noise_dim=8, code_dim=4)).code_dim
        4
    """

    noise_dim: int
    code_dim: int
    condition_dim: int = 0
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class ConditionContext:
    """For `priorkit_conditions`.

    Attributes:
        classes: Number of classes of the data's labels; 0 if there are no labels.
        embedding_dim: Dimensions of the data's embeddings; 0 if there are none.
        train: The training images, or None when a trained run is loaded, whose saved tensors are loaded afterwards.
        text_encoder: Makes the run's text encoder, for a condition that reads captions; None if there are no images,
            hence no captions.
        vocabulary: The words of the training captions, as in `TextEncoderContext`.

    Examples:
        >>> from priorkit.plugins import ConditionContext
        >>> from priorkit.registry import installed_plugins
        >>> labels = installed_plugins().get("condition", "labels").component
        >>> labels.build(labels.options(), ConditionContext(classes=10)).dim
        10
    """

    classes: int = 0
    embedding_dim: int = 0
    train: ImageSet | None = None
    text_encoder: Callable[[], TextEncoder] | None = None
    vocabulary: Sequence[str] = ()


@dataclass(frozen=True)
class TextEncoderContext:
    """For `priorkit_text_encoders`.

    Attributes:
        vocabulary: The words of the training captions, as `priorkit.plugins.caption_words` finds them, most frequent
            first; empty if there are no captions. A trained run is loaded with the same words.

    Examples:
        >>> from priorkit.plugins import TextEncoderContext
        >>> from priorkit.registry import installed_plugins
        >>> gru = installed_plugins().get("text_encoder", "gru").component
        >>> gru.build(gru.options(), TextEncoderContext(("a", "bird", "red"))).unknown("A red fish.")
        ('fish',)
    """

    vocabulary: Sequence[str] = ()


@dataclass(frozen=True)
class EncoderContext(_CodesContext):
    """For `priorkit_encoders`.

    Attributes:
        networks: The family of networks that makes the encoder's body. If codes are maps, the body's outputs are
            flattened maps too: `encoder(2 * code_dim)` has twice the channels.
        code_dim: Dimensions of a code.
        codes: The space of the codes, of `code_dim` dimensions: vectors (the default) or maps.

    Examples:
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.plugins import EncoderContext, NetworksContext
        >>> from priorkit.registry import installed_plugins
        >>> registry = installed_plugins()
        >>> mlp = registry.get("networks", "mlp").component
        >>> networks = mlp.build(mlp.options(hidden=8), NetworksContext(ImageShape(1, 16)))
        >>> deterministic = registry.get("encoder", "deterministic").component
        >>> deterministic.build(deterministic.options(), EncoderContext(networks, code_dim=4)).code_dim
        4
    """

    networks: Networks
    code_dim: int
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class RegularizerContext(_CodesContext):
    """For `priorkit_regularizers`.

    Attributes:
        networks: The family of networks that makes the code critic.
        code_dim: Dimensions of a code.
        adversarial_loss: The loss of the critic and of the generator; this instance belongs to the regularizer alone.
        condition_dim: Dimensions of the condition s that D_C receives with the code; 0 for none.
        train_count: Number of training images.
        codes: The space of the codes, of `code_dim` dimensions; vectors by default.

    Examples:
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.plugins import AdversarialLossContext, NetworksContext, RegularizerContext
        >>> from priorkit.registry import installed_plugins
        >>> registry = installed_plugins()
        >>> mlp = registry.get("networks", "mlp").component
        >>> networks = mlp.build(mlp.options(hidden=8), NetworksContext(ImageShape(1, 16)))
        >>> hinge = registry.get("adversarial_loss", "hinge").component
        >>> loss = hinge.build(hinge.options(), AdversarialLossContext())
        >>> adversarial = registry.get("regularizer", "adversarial").component
        >>> adversarial.build(adversarial.options(), RegularizerContext(networks, 4, loss)).has_critic
        True
    """

    networks: Networks
    code_dim: int
    adversarial_loss: AdversarialLoss
    condition_dim: int = 0
    train_count: int = 1
    codes: CodeSpace = None  # type: ignore[assignment]


@dataclass(frozen=True)
class LossContext:
    """For `priorkit_losses`.

    Attributes:
        shape: The images' shape.
        trained: Whether a trained run is loaded for inference only. The loss then need not read files (such as the
            weights of a network that compares images).

    Examples:
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.plugins import LossContext
        >>> from priorkit.registry import installed_plugins
        >>> perceptual = installed_plugins().get("loss", "perceptual").component
        >>> perceptual.build(perceptual.options(), LossContext(ImageShape(1, 16))).needs_image_critic
        True
    """

    shape: ImageShape
    trained: bool = False


@dataclass(frozen=True)
class AdversarialLossContext:
    """For `priorkit_adversarial_losses`: nothing yet.

    Examples:
        >>> import torch
        >>> from priorkit.plugins import AdversarialLossContext
        >>> from priorkit.registry import installed_plugins
        >>> hinge = installed_plugins().get("adversarial_loss", "hinge").component
        >>> hinge.build(hinge.options(), AdversarialLossContext()).generator(torch.tensor([2.0]))
        tensor(-2.)
    """


@dataclass(frozen=True)
class NetworksContext:
    """For `priorkit_networks`.

    Attributes:
        shape: The images' shape.

    Examples:
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.plugins import NetworksContext
        >>> from priorkit.registry import installed_plugins
        >>> mlp = installed_plugins().get("networks", "mlp").component
        >>> mlp.build(mlp.options(), NetworksContext(ImageShape(1, 16))).shape
        ImageShape(channels=1, size=16)
    """

    shape: ImageShape


@dataclass(frozen=True)
class PhaseContext:
    """For `priorkit_phases`.

    Attributes:
        system: The system to train, already built, on the CPU.
        reconstruction_weight: lambda, the factor of the decoder's gradient of the reconstruction loss.
        decoder_in_both_phases: Whether the decoder is trained in the prior improvement phase too.
        critic_steps: Steps of the image discriminator for each step of the generator.
        reconstructions_as_fakes: Whether the image discriminator also receives reconstructions as fakes.
        balance_fakes: Whether samples and reconstructions then have weight 1/2 each.
        codes_given: Whether the run has given codes instead of images (`priorkit fit --codes`): the system then has
            neither encoder nor images, and only phases that take codes can train it.
    """

    system: System
    reconstruction_weight: float = 1.0
    decoder_in_both_phases: bool = True
    critic_steps: int = 1
    reconstructions_as_fakes: bool = False
    balance_fakes: bool = False
    codes_given: bool = False
