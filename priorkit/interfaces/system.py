"""A system: what the phases of a run train."""

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
    """An autoencoder or a GAN, its prior and what trains them.

    Attributes:
        shape: The images' shape.
        codes: The space of the codes that the prior is a distribution of.
        encoder: enc, or None in a GAN.
        decoder: dec, from codes as the encoder embeds them to images in [-1, 1]; `decode` does both.
        prior: p(code).
        regularizer: Makes the aggregated posterior match the prior; may own a code discriminator D_C. None where there
            is no encoder.
        loss: L_rec, or None where there is no encoder.
        adversarial_loss: The loss of the image discriminator and of those who fool it.
        image_critic: D_I, or None where nothing needs it.
        condition: s, or None.
        recogniser: Q without its trunk, which is D_I's; None where s is not recovered.
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
        """z_c: the prior's codes (N, code_dim) of noise (N, ...), and of s (N, dim) where it takes one."""
        codes: Tensor = self.prior(noise, condition) if self.prior.takes_condition else self.prior(noise)
        return codes

    def condition_loss(self, condition: Tensor | None) -> Tensor | None:
        """The prior's own loss given s (N, dim), a scalar; None if it has none, or takes no s."""
        if condition is None or not self.prior.takes_condition:
            return None
        return self.prior.condition_loss(condition)

    def decode(self, codes: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of the prior's codes (N, code_dim); of indices, by the codebook's vectors."""
        images: Tensor = self.decoder(codes if self.encoder is None else self.encoder.embed(codes))
        return images
