"""A small system around a component, for checks of its phases."""

from typing import Any

from torch import Tensor, nn

from priorkit.interfaces import (
    CodeKind,
    CodeSpace,
    Condition,
    Encoder,
    ImageCritic,
    ImageShape,
    Posterior,
    Prior,
    ReconstructionLoss,
    Recovery,
    Regularizer,
    System,
)
from priorkit.testing.global_generator import seeded
from priorkit.testing.stand_in_critics import SmallAdversarialLoss
from priorkit.testing.stand_in_networks import SmallNetworks
from priorkit.testing.stand_in_priors import OnlySampled, StandardNormal, UniformIndices
from priorkit.testing.stand_ins import SmallEncoder

__all__ = ["system_around"]


class _NoRegularizer(Regularizer):
    has_terms = False
    needs_prior_code = False
    trains_prior = False

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        return {}


class _SquaredError(ReconstructionLoss):
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        return (reconstruction.float() - image.float()).square().mean()

    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        # A standard normal distribution of each pixel, without its constant.
        return -0.5 * (reconstruction.float() - image.float()).square().flatten(1).sum(1)


def system_around(component: Any, subject: Any) -> System:
    """Returns a system of small parts that contains the component.

    Args:
        component: A prior, regularizer, encoder or condition.
        subject: The situation in which the component was built; the system takes its encoder and prior, if any.
    """
    shape = ImageShape(1, 16)
    if isinstance(component, Encoder):
        shape = subject.shape
        codes = subject.codes if component.codes is None else component.codes
    elif isinstance(component, Condition):
        codes = CodeSpace((component.dim,))
    else:
        codes = subject.space if isinstance(component, Prior) else CodeSpace((subject.code_dim,))
    code_dim = codes.dim
    networks = SmallNetworks(shape)
    prior = component if isinstance(component, Prior) else getattr(subject, "prior", None)
    encoder = component if isinstance(component, Encoder) else getattr(subject, "encoder", None)
    condition = component if isinstance(component, Condition) else None
    with seeded(0):
        if prior is None and codes.kind is CodeKind.INDICES:
            prior = UniformIndices(codes)
        if prior is None:
            prior = StandardNormal(code_dim, condition.classes) if condition is not None else OnlySampled(code_dim)
        if encoder is None and not isinstance(component, Prior):
            encoder = SmallEncoder(code_dim, shape)
        recogniser: nn.Module | None = None
        if condition is not None and condition.recovery is not Recovery.NONE:
            recogniser = networks.recogniser(condition.dim)
        return System(
            shape=shape,
            codes=codes,
            encoder=encoder,
            decoder=networks.decoder(code_dim if encoder is None else encoder.code_dim),
            prior=prior,
            regularizer=component if isinstance(component, Regularizer) else _NoRegularizer(),
            loss=_SquaredError(),
            adversarial_loss=SmallAdversarialLoss(penalised=False),
            image_critic=networks.image_critic(condition.dim if condition and condition.seen_by_image_critic else 0),
            condition=condition,
            recogniser=recogniser,
        )
