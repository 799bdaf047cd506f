"""A system: the networks and losses that the phases of a run use."""

from dataclasses import dataclass

from torch import Tensor, nn

from priorkit.interfaces.adversarial_loss import AdversarialLoss
from priorkit.interfaces.code_space import CodeSpace
from priorkit.interfaces.condition import Condition
from priorkit.interfaces.encoder import Encoder
from priorkit.interfaces.networks import ImageCritic, ImageShape
from priorkit.interfaces.prior import Prior
from priorkit.interfaces.reconstruction_loss import ReconstructionLoss
from priorkit.interfaces.regularizer import Regularizer

__all__ = ["System"]


@dataclass
class System:
    """An autoencoder or a GAN, with its prior, critics and losses.

    Attributes:
        shape: The images' shape.
        codes: The space of the prior's codes.
        encoder: enc, or None in a GAN.
        decoder: dec, from embedded codes (`Encoder.embed`) to images in [-1, 1]; `decode` embeds and decodes.
        prior: p(code).
        regularizer: Makes the aggregated posterior match the prior; may own a code discriminator D_C. None where there
            is no encoder.
        loss: L_rec, or None where there is no encoder.
        adversarial_loss: The loss of the image discriminator and of the generator.
        image_critic: D_I, or None if the run needs none.
        condition: s, or None.
        recogniser: The head of the classifier Q, whose trunk is D_I's; None if s is not recovered.
    """

    shape: ImageShape
    codes: CodeSpace
    encoder: Encoder | None
    decoder: nn.Module
    prior: Prior
    regularizer: Regularizer | None
    loss: ReconstructionLoss | None
    adversarial_loss: AdversarialLoss
    image_critic: ImageCritic | None
    condition: Condition | None = None
    recogniser: nn.Module | None = None

    @property
    def code_dim(self) -> int:
        """Dimensions of a code of the prior."""
        return self.codes.dim

    def prior_codes(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """z_c: turns noise (N, ...), and s (N, dim) if the prior takes one, into codes (N, code_dim)."""
        codes: Tensor = self.prior(noise, condition) if self.prior.takes_condition else self.prior(noise)
        return codes

    def condition_loss(self, condition: Tensor | None) -> Tensor | None:
        """The prior's own loss given s (N, dim), a scalar; None if the prior has no such loss or takes no s."""
        if condition is None or not self.prior.takes_condition:
            return None
        return self.prior.condition_loss(condition)

    def decode(self, codes: Tensor) -> Tensor:
        """Turns the prior's codes (N, code_dim), also indices of a codebook, into images (N, C, H, W) in [-1, 1]."""
        images: Tensor = self.decoder(codes if self.encoder is None else self.encoder.embed(codes))
        return images
