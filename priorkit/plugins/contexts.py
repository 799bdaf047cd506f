"""What a run tells a component when it builds it: one context for each kind of component."""

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
        code_generator: Makes the code generator that the run has chosen, from the dimensions of the noise z and of the
            condition s (0 for none), which follows z in its input.
        condition_dim: Dimensions of the condition s, or 0 where there is none.
        encoder: The run's encoder, for a prior that is made of posteriors; None in a run without one. It is trained and
            saved by itself: a prior must not register it as a submodule.
        images: Draws training images to start from: called with their number (at least 1), gives float32 (n, C, H, W)
            in [-1, 1], the same ones at every call. Blank ones where a trained run is loaded, whose tensors follow:
            what a prior keeps of them, it keeps in parameters or buffers.
        train_count: Number of training images.
        classes: Number of classes, where s is a class and nothing else, one-hot (then it is `condition_dim`); else 0.
        training_images: Gives all training images, for a prior that goes on reading them (a prior of exemplars): where
            a trained run is loaded, this call reads its data set, and raises a `PriorkitError` if that is not there.
        codes: The space of the codes, of `code_dim` dimensions; vectors if it is not given.

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
        noise_dim: Dimensions of its input: of z, or of [z; s] where there is a condition.
        code_dim: Dimensions of the code z_c.
        condition_dim: How many dimensions of its input, the last ones, are s; 0 where there is no condition.
        codes: The space of the codes, of `code_dim` dimensions; vectors if it is not given.

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
        classes: Number of classes that the data's labels have; 0 if there are no labels.
        embedding_dim: Dimensions of the data's embeddings; 0 if there are none.
        train: The training images, or None where a trained run is loaded, whose tensors follow.
        text_encoder: Makes the text encoder that the run has chosen, for a condition that reads captions; None where
            there are no images, so no captions either.
        vocabulary: The words of the training captions, as `TextEncoderContext` has them.

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
        vocabulary: The words of the training captions, as `priorkit.plugins.caption_words` finds them, the most
            frequent ones first; empty where there are no captions. The same ones where a trained run is loaded.

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
        networks: The architecture whose encoder body to use. Where codes are maps, the body's outputs are maps, too,
            flat: `encoder(2 * code_dim)` has twice the channels.
        code_dim: Dimensions of a code.
        codes: The space of the codes, of `code_dim` dimensions: vectors, if it is not given, or maps.

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
        networks: The architecture whose code critic to use.
        code_dim: Dimensions of a code.
        adversarial_loss: The loss of the critic and of those who fool it; an instance of the regularizer's own.
        condition_dim: Dimensions of the condition s that D_C is shown beside the code; 0 for none.
        train_count: Number of training images.
        codes: The space of the codes, of `code_dim` dimensions; vectors if it is not given.

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
        trained: Whether a trained run is loaded, to be used only: what a loss would read from files (the weights of a
            network that it compares images with) is then not needed.

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
        system: The system that is trained, built, on the CPU.
        reconstruction_weight: lambda, the factor of the decoder's gradient of the reconstruction loss.
        decoder_in_both_phases: Whether the decoder is trained in the prior improvement phase too.
        critic_steps: Steps of the image discriminator for each of those who fool it.
        reconstructions_as_fakes: Whether the image discriminator is shown reconstructions as fakes too.
        balance_fakes: Whether samples and reconstructions then weigh half each.
        codes_given: Whether codes are given by themselves (`priorkit fit --codes`): the system then has a prior, and
            neither encoder nor images, so phases that take codes are all that can train it.
    """

    system: System
    reconstruction_weight: float = 1.0
    decoder_in_both_phases: bool = True
    critic_steps: int = 1
    reconstructions_as_fakes: bool = False
    balance_fakes: bool = False
    codes_given: bool = False
