"""Checks that the components of a system support its kind of codes."""

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeKind, Learning
from priorkit.models.system import BuiltSystem

__all__ = ["require_kinds"]


def require_kinds(system: BuiltSystem, config: RunConfig) -> None:
    """Checks that prior and regularizer support the codes' kind, and that nothing needs gradients through indices.

    Raises:
        ConfigurationError: A component does not support the codes.
    """
    kind, prior, regularizer = system.codes.kind, system.prior, system.regularizer
    codes = f"the codes of --encoder {config.encoder.name} are {kind.value}"
    if kind not in prior.kinds:
        indices = kind is CodeKind.INDICES
        instead = "use a prior of indices" if indices else "use another, such as --prior gaussian"
        other_encoder = ", or an encoder of other codes, such as --encoder deterministic"
        mend = other_encoder if indices and not system.fits_codes else ""
        raise ConfigurationError(
            f"--prior {config.prior.name}: it is a prior of {_in_words(prior.kinds)}, and {codes}; {instead}{mend}"
        )
    if regularizer is not None and kind not in regularizer.kinds:
        raise ConfigurationError(
            f"--regularizer {config.regularizer.name}: it is for codes that are {_in_words(regularizer.kinds)}, and "
            f"{codes}; use --regularizer none"
        )
    if kind is not CodeKind.INDICES:
        return
    if prior.learning is Learning.ADVERSARIAL or prior.improvement > 0:
        raise ConfigurationError(
            f"--prior {config.prior.name}: it learns by fooling an image discriminator, but no gradient leads through "
            "indices; use a prior that learns from codes"
        )
    if regularizer is not None and regularizer.has_critic:
        raise ConfigurationError(
            f"--regularizer {config.regularizer.name}: no gradient leads from its critic through indices to the "
            "encoder; use --regularizer none"
        )


def _in_words(kinds: tuple[CodeKind, ...]) -> str:
    return " or ".join(kind.value for kind in kinds)
