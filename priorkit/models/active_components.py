"""Finds which of a configuration's components take part in training."""

from torch import nn

from priorkit.interfaces import AdversarialLoss, CodeGenerator, TextEncoder
from priorkit.models.system import BuiltSystem

__all__ = ["active_slots"]


def active_slots(system: BuiltSystem) -> frozenset[str]:
    """The slots of the components that take part in training.

    Data sets, feature extractors and phases are not parts of a system.

    Args:
        system: The system. If it fits a prior to the codes of a frozen autoencoder, only the prior and its components
            take part.
    """
    found = {"prior"}
    if _has(system.prior, CodeGenerator):
        found.add("code_generator")
    if system.condition is not None:
        found.add("condition")
        if any(isinstance(part, TextEncoder) for part in system.condition.modules()):
            found.add("text_encoder")
    if system.fits_codes:
        return frozenset(found)
    found.add("networks")
    if system.encoder is not None:
        found.add("encoder")
    if system.regularizer is not None and system.regularizer.has_terms:
        found.add("regularizer")
    if system.loss is not None:
        found.add("loss")
    if system.image_critic is not None or _has(system.regularizer, AdversarialLoss):
        found.add("adversarial_loss")
    return frozenset(found)


def _has(module: nn.Module | None, kind: type[nn.Module]) -> bool:
    return module is not None and any(isinstance(part, kind) for part in module.modules())
