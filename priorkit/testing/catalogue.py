"""The checks of each kind of component, and the situations in which its components are built."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from priorkit.testing.case import Case
from priorkit.testing.check import Check
from priorkit.testing.checks.adversarial_losses import ADVERSARIAL_LOSSES
from priorkit.testing.checks.batches import BATCHES
from priorkit.testing.checks.building import BUILDING
from priorkit.testing.checks.clipping import CLIPPING
from priorkit.testing.checks.code_fitting import CODE_FITTING
from priorkit.testing.checks.code_generators import CODE_GENERATORS
from priorkit.testing.checks.code_learning import CODE_LEARNING
from priorkit.testing.checks.condition_texts import CONDITION_TEXTS
from priorkit.testing.checks.conditions import CONDITIONS
from priorkit.testing.checks.datasets import DATASETS
from priorkit.testing.checks.densities import DENSITIES
from priorkit.testing.checks.devices import DEVICES
from priorkit.testing.checks.encoders import ENCODERS
from priorkit.testing.checks.extractor_texts import EXTRACTOR_TEXTS
from priorkit.testing.checks.extractors import EXTRACTORS
from priorkit.testing.checks.gradients import GRADIENTS
from priorkit.testing.checks.holdouts import HOLDOUTS
from priorkit.testing.checks.image_critics import IMAGE_CRITICS
from priorkit.testing.checks.joint_densities import JOINT_DENSITIES
from priorkit.testing.checks.leaving_out import LEAVING_OUT
from priorkit.testing.checks.likelihoods import LIKELIHOODS
from priorkit.testing.checks.losses import LOSSES
from priorkit.testing.checks.networks import NETWORKS
from priorkit.testing.checks.numbers import NUMBERS
from priorkit.testing.checks.phases import PHASES
from priorkit.testing.checks.posteriors import POSTERIORS
from priorkit.testing.checks.precision import PRECISION
from priorkit.testing.checks.priors import PRIORS
from priorkit.testing.checks.probabilities import PROBABILITIES
from priorkit.testing.checks.randomness import RANDOMNESS
from priorkit.testing.checks.recovery import RECOVERY
from priorkit.testing.checks.regularizers import REGULARIZERS
from priorkit.testing.checks.self_labelling import SELF_LABELLING
from priorkit.testing.checks.states import STATES
from priorkit.testing.checks.statistics import STATISTICS
from priorkit.testing.checks.stored_images import STORED_IMAGES
from priorkit.testing.checks.supports import ENCODER_SUPPORTS, PRIOR_SUPPORTS
from priorkit.testing.checks.text_encoders import TEXT_ENCODERS
from priorkit.testing.subject import AnySubject
from priorkit.testing.subjects.adversarial_loss import adversarial_loss_subjects
from priorkit.testing.subjects.code_generator import code_generator_subjects
from priorkit.testing.subjects.condition import condition_subjects
from priorkit.testing.subjects.dataset import data_subjects
from priorkit.testing.subjects.encoder import encoder_subjects
from priorkit.testing.subjects.extractor import extractor_subjects
from priorkit.testing.subjects.loss import loss_subjects
from priorkit.testing.subjects.networks import networks_subjects
from priorkit.testing.subjects.phase import phase_subjects
from priorkit.testing.subjects.prior import prior_subjects
from priorkit.testing.subjects.regularizer import regularizer_subjects
from priorkit.testing.subjects.text_encoder import text_encoder_subjects

__all__ = ["CATALOGUE", "Contract"]


@dataclass(frozen=True)
class Contract:
    """The checks of a kind of component.

    Attributes:
        checks: The checks.
        subjects: Returns a case's component in each situation.
    """

    checks: tuple[Check, ...]
    subjects: Callable[[Case], Iterator[AnySubject]]


_MODULES = (*BUILDING, *NUMBERS, *RANDOMNESS, *BATCHES, *STATES, *GRADIENTS, *DEVICES, *PRECISION)
"""Checks of every component that is a module."""

_OTHERS = tuple(check for check in BUILDING if check.name != "seed_decides_its_weights")
"""Checks of every component that is not a module."""

_DENSITIES = (*CLIPPING, *DENSITIES, *JOINT_DENSITIES, *PRIOR_SUPPORTS)
"""Checks of priors with a density."""

_FROM_CODES = (*CODE_LEARNING, *CODE_FITTING, *LEAVING_OUT)
"""Checks of priors that learn from codes, and of priors that leave images out."""

CATALOGUE: Mapping[str, Contract] = {
    "adversarial_loss": Contract((*_MODULES, *ADVERSARIAL_LOSSES), adversarial_loss_subjects),
    "code_generator": Contract((*_MODULES, *STATISTICS, *CODE_GENERATORS), code_generator_subjects),
    "loss": Contract((*_MODULES, *LOSSES, *LIKELIHOODS), loss_subjects),
    "phases": Contract((*_OTHERS, *PHASES), phase_subjects),
    "prior": Contract((*_MODULES, *PRIORS, *_FROM_CODES, *PHASES, *_DENSITIES, *PROBABILITIES), prior_subjects),
    "condition": Contract(
        (*_MODULES, *CONDITIONS, *CONDITION_TEXTS, *RECOVERY, *SELF_LABELLING, *PHASES), condition_subjects
    ),
    "dataset": Contract((*_OTHERS, *DATASETS, *HOLDOUTS, *STORED_IMAGES), data_subjects),
    "encoder": Contract((*_MODULES, *STATISTICS, *ENCODERS, *POSTERIORS, *ENCODER_SUPPORTS, *PHASES), encoder_subjects),
    "extractor": Contract((*_OTHERS, *EXTRACTORS, *EXTRACTOR_TEXTS), extractor_subjects),
    "networks": Contract((*_MODULES, *STATISTICS, *NETWORKS, *IMAGE_CRITICS), networks_subjects),
    "regularizer": Contract((*_MODULES, *REGULARIZERS, *PHASES), regularizer_subjects),
    "text_encoder": Contract((*_MODULES, *TEXT_ENCODERS), text_encoder_subjects),
}
"""The contracts, by slot."""
