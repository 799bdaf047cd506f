"""Builds the parts of a fit to given codes: the prior, its condition, and the phase that trains it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.codes.conditions import GivenConditions
from priorkit.config import ComponentChoice, RunConfig
from priorkit.config.building import build_choice, build_component, build_optional
from priorkit.data import to_float
from priorkit.engine import evaluating
from priorkit.errors import ConfigurationError
from priorkit.interfaces import (
    AdversarialLoss,
    Batch,
    CodeGenerator,
    CodeSpace,
    Condition,
    Encoder,
    ImageSet,
    ImageShape,
    Learning,
    Phase,
    Prior,
    System,
)
from priorkit.models.guarded_phase import ChosenPhase, GuardedPhase
from priorkit.models.phase_contract import learns
from priorkit.models.rehearsal import expect_codes, expect_shape
from priorkit.plugins import AdversarialLossContext, CodeGeneratorContext, ConditionContext, PhaseContext, PriorContext
from priorkit.registry import Registry, bare_name
from priorkit.registry.guard import refusing

__all__ = ["build_condition", "build_prior", "check_prior", "fitting_phase", "made_prior"]

_PHASE = "code-fitting"
_OTHER = "choose a prior that learns from codes, such as --prior flow-matching, flow or full-gaussian"


def build_condition(
    config: RunConfig, registry: Registry, given: GivenConditions | None
) -> tuple[Condition | None, Tensor | None]:
    """Builds the condition, and returns it with the entry of each code; None for both without a condition.

    Raises:
        ConfigurationError: The condition needs other conditions than the given ones.
    """
    name = config.condition.name
    carrier = given.carrier if given is not None else None
    if given is None and name != "none":
        raise ConfigurationError(
            f"--condition {name}: the codes come without conditions; give them (`labels` or `conditions` beside "
            "`codes` in a .npz file, conditions= in Python), or use --condition none"
        )
    if given is not None and bare_name(name) in ("labels", "embedding") and bare_name(name) != given.component:
        raise ConfigurationError(
            f"--condition {name}: the codes come with {'classes' if given.classes else 'vectors'}; use --condition "
            f"{given.component}"
        )
    context = ConditionContext(
        classes=len(given.classes) if given is not None else 0,
        embedding_dim=carrier.embeddings.shape[1] if carrier is not None and carrier.embeddings is not None else 0,
        train=carrier,
    )
    condition = build_optional(config, registry, "condition", Condition, context)
    if condition is None or carrier is None:
        return None, None
    assert given is not None, "there is a carrier"
    if not condition.from_data:
        raise ConfigurationError(
            f"--condition {name}: it is drawn at random, so no code has its own condition; use --condition "
            f"{given.component}"
        )
    with refusing(registry.get("condition", name), f"--condition {name}"):
        return condition, condition.entries(carrier)


def made_prior(
    config: RunConfig,
    registry: Registry,
    codes: CodeSpace,
    condition_dim: int,
    classes: int,
    count: int,
    *,
    encoder: Encoder | None = None,
    images: ImageSet | None = None,
    advice: str = "",
) -> Prior:
    """Builds a prior of codes of any origin, on the CPU, from torch's global generator.

    Args:
        config: The choice of the prior.
        registry: The registry of components.
        codes: The space of the prior's codes.
        condition_dim: Dimensions of s, or 0.
        classes: Number of classes if s is a one-hot class; otherwise 0.
        count: Number of codes.
        encoder: The encoder of the codes, for priors made of posteriors; None if unknown.
        images: The encoded images, for priors made of images; None if unknown.
        advice: Advice in the error if the prior needs an encoder or images, but there are none.

    Raises:
        ConfigurationError: The prior does not support these codes, or needs an encoder or images that are missing.
    """
    given = f"--prior {config.prior.name}"
    advice = advice or f"given codes have none; {_OTHER}, or fit it to a run: priorkit fit RUN {given}"

    def code_generator(noise_dim: int, condition_dim: int) -> CodeGenerator:
        context = CodeGeneratorContext(noise_dim + condition_dim, codes.dim, condition_dim, codes=codes)
        return build_component(config, registry, "code_generator", CodeGenerator, context)

    def training_images() -> ImageSet:
        if images is None:
            raise ConfigurationError(f"{given}: it is made of training images; {advice}")
        return images

    def some_images(number: int) -> Tensor:
        chosen = training_images()
        return to_float(chosen.take(chosen.spread_indices(number)))

    context = PriorContext(
        codes.dim,
        code_generator,
        condition_dim,
        encoder,
        some_images,
        count,
        classes,
        training_images,
        codes=codes,
    )
    try:
        prior = build_component(config, registry, "prior", Prior, context)
    except ConfigurationError as error:
        if "--encoder" in str(error):
            # The prior needs an encoder, and there is none.
            raise ConfigurationError(f"{given}: it is made of an encoder; {advice}") from error
        raise
    if codes.kind not in prior.kinds:
        raise ConfigurationError(
            f"{given}: it is a prior of {' or '.join(kind.value for kind in prior.kinds)}, but these codes are "
            f"{codes}; choose another prior"
        )
    if condition_dim and not prior.takes_condition:
        raise ConfigurationError(
            f"--prior {config.prior.name}: its codes do not depend on a condition; use --prior flow-matching or flow, "
            "or leave the conditions out"
        )
    return prior


def build_prior(
    config: RunConfig, registry: Registry, codes: CodeSpace, condition: Condition | None, count: int
) -> Prior:
    """The prior, on the CPU, from torch's global generator.

    Args:
        config: The choice of the prior.
        registry: The registry of components.
        codes: The space of the prior's codes.
        condition: The condition.
        count: Number of codes.

    Raises:
        ConfigurationError: The prior cannot be built for these codes, or needs images.
    """
    dim = condition.dim if condition is not None else 0
    classes = dim if condition is not None and condition.classes == dim else 0
    return made_prior(config, registry, codes, dim, classes, count)


def check_prior(prior: Prior, config: RunConfig, codes: CodeSpace, condition: Condition | None) -> None:
    """Checks that a prior can learn from the given codes, and returns codes of the same kind.

    Raises:
        ConfigurationError: The prior cannot learn from these codes, or returns codes of another kind.
    """
    given = f"--prior {config.prior.name}"
    if prior.learning is Learning.FIXED:
        raise ConfigurationError(f"{given}: it has nothing to learn; {_OTHER}, or --prior mixture --prior.em")
    if prior.learning is Learning.ADVERSARIAL:
        raise ConfigurationError(f"{given}: it learns by fooling an image discriminator, not from codes; {_OTHER}")
    if prior.learning is Learning.PHASES:
        raise ConfigurationError(f"{given}: it learns in phases of its own, together with an encoder; {_OTHER}")
    if prior.learning is not Learning.ALL_CODES and not learns(prior):
        raise ConfigurationError(f"{given}: it has no parameters to train; this is a mistake in the plug-in")
    if prior.learning is Learning.LIKELIHOOD and not prior.has_density:
        raise ConfigurationError(
            f"{given}: it learns by likelihood and has no density; this is a mistake in the plug-in"
        )
    generator = torch.Generator().manual_seed(0)
    s = condition.draw(2, generator=generator) if condition is not None else None
    with evaluating(prior):
        noise = prior.noise(2, generator=generator)
        made = prior(noise, s) if s is not None else prior(noise)
        expect_codes("prior", config, made, codes)
        if prior.learning is Learning.CODES:
            expect_shape("prior", config, prior.code_loss(made, prior.code_noise(2, generator=generator), s), ())


def fitting_phase(prior: Prior, config: RunConfig, codes: CodeSpace, registry: Registry) -> Phase:
    """Builds the phase `code-fitting` of a prior, in a system without images and encoder.

    Raises:
        ConfigurationError: The phase does not train this prior.
    """
    system = System(
        shape=ImageShape(1, 16),
        codes=codes,
        encoder=None,
        decoder=nn.Identity(),
        prior=prior,
        regularizer=None,
        loss=None,
        adversarial_loss=build_component(
            config, registry, "adversarial_loss", AdversarialLoss, AdversarialLossContext()
        ),
        image_critic=None,
    )
    choice = ComponentChoice(name=_PHASE)
    made = build_choice(choice, registry, "phases", PhaseContext(system, codes_given=True))
    phases = made if isinstance(made, Sequence) else [made]
    assert len(phases) == 1, "priorkit's own phase trains whatever prior learns from codes"
    phase = phases[0]
    assert isinstance(phase, Phase)
    assert phase.batch is not Batch.IMAGES
    chosen = ChosenPhase(phase, registry.get("phases", _PHASE), f"--phases {_PHASE}")
    return phase if chosen.own else GuardedPhase(chosen)
