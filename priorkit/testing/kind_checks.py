"""`check_prior`, `check_encoder` and the others: one function for each kind of component."""

import re
import textwrap
from collections.abc import Mapping
from typing import Any, Protocol, TypedDict, Unpack

from priorkit.interfaces import (
    AdversarialLoss,
    CodeGenerator,
    Condition,
    DataSource,
    Encoder,
    FeatureExtractor,
    Networks,
    Phase,
    Prior,
    ReconstructionLoss,
    Regularizer,
    TextEncoder,
)
from priorkit.plugins import (
    AdversarialLossContext,
    CodeGeneratorContext,
    ConditionContext,
    DataContext,
    EncoderContext,
    ExtractorContext,
    LossContext,
    NetworksContext,
    PhaseContext,
    PriorContext,
    RegularizerContext,
    TextEncoderContext,
)
from priorkit.testing.case import Case, Checkable, Situations
from priorkit.testing.conformance import check_component
from priorkit.testing.report import Report

__all__ = [
    "How",
    "KindCheck",
    "check_adversarial_loss",
    "check_code_generator",
    "check_condition",
    "check_data_source",
    "check_encoder",
    "check_feature_extractor",
    "check_networks",
    "check_phase",
    "check_prior",
    "check_reconstruction_loss",
    "check_regularizer",
    "check_text_encoder",
]


class How(TypedDict, total=False):
    """How a component is checked: the attributes of a `Case` beside its kind and subject.

    Attributes:
        options: Options of a named or given component; options that are left out have their defaults.
        expected_failures: Checks that the component is known to fail, and why.
        required: Checks that must not be skipped, in addition to those that never may be.
        situations: The situations in which the component is tried.
        seed: Seed of everything random in the checks.
    """

    options: Mapping[str, Any]
    expected_failures: Mapping[str, str]
    required: tuple[str, ...]
    situations: Situations
    seed: int


class KindCheck(Protocol):
    """A function that holds components of one kind to their contract, as `check_component` does."""

    __name__: str

    def __call__(self, subject: Checkable, **how: Unpack[How]) -> Report:
        """Holds a component to every check of its kind, and returns the report."""


def _kind_check(slot: str, what: str, interface: type, context: type, example: str) -> KindCheck:
    """Returns the function `check_...` of a kind, named after its interface, with this example in its docstring."""

    def check(subject: Checkable, **how: Unpack[How]) -> Report:
        return check_component(Case(slot, subject, **how))

    check.__name__ = check.__qualname__ = "check" + re.sub(
        "[A-Z]", lambda found: f"_{found[0].lower()}", interface.__name__
    )
    check.__doc__ = f"""Holds {what} to the contract of `priorkit.interfaces.{interface.__name__}`.

    Args:
        subject: The name of an installed component, a `Component`, or a function that builds the object from its
            context (`{context.__name__}`).
        **how: `options`, `expected_failures`, `required`, `situations` and `seed`, as in a `Case`.

    Returns:
        The report: one result for each check. `raise_if_failed()` lists the failures and how to mend them.

    Raises:
        ConfigurationError: `expected_failures` or `required` names a check that does not exist, or options were given
            for a function.
        UnknownComponentError: No installed plug-in supplies the component.
        ValidationError: The component has no such options, or refuses their values.

    Examples:
{textwrap.indent(example.strip(), " " * 8)}
    """
    return check


check_prior = _kind_check(
    "prior",
    "a prior",
    Prior,
    PriorContext,
    """
>>> from priorkit.testing import Situations, check_prior
>>> small = Situations(code_dims=(2,), codes=(), classes=(0,), examples=1)
>>> report = check_prior("gaussian", options={"std": 2.0}, required=("densities_normalise",), situations=small)
>>> report.failed
()
""",
)
"""Holds a prior to the contract of `priorkit.interfaces.Prior`."""
check_code_generator = _kind_check(
    "code_generator",
    "a code generator",
    CodeGenerator,
    CodeGeneratorContext,
    """
>>> from priorkit.testing import Situations, check_code_generator
>>> small = Situations(code_dims=(2,), codes=(), classes=(0,), examples=1)
>>> check_code_generator("mlp", options={"hidden": 8}, situations=small).raise_if_failed()
""",
)
"""Holds a code generator to the contract of `priorkit.interfaces.CodeGenerator`."""
check_condition = _kind_check(
    "condition",
    "a condition",
    Condition,
    ConditionContext,
    """
>>> from priorkit.testing import Situations, check_condition
>>> small = Situations(classes=(3,), examples=1)
>>> skipped = {result.check: result.reason for result in check_condition("labels", situations=small).skipped}
>>> skipped["empty_texts_are_refused"]
'it reads no texts'
""",
)
"""Holds a condition to the contract of `priorkit.interfaces.Condition`."""
check_text_encoder = _kind_check(
    "text_encoder",
    "a text encoder",
    TextEncoder,
    TextEncoderContext,
    """
>>> from torch import nn
>>> from priorkit.testing import check_text_encoder
>>> report = check_text_encoder(lambda context: nn.EmbeddingBag(100, 16))  # does not derive from TextEncoder
>>> print(report.failed[0])
builds: failed: it builds a EmbeddingBag, not a TextEncoder ...
    fix: derive from priorkit.interfaces.TextEncoder
""",
)
"""Holds a text encoder to the contract of `priorkit.interfaces.TextEncoder`."""
check_phase = _kind_check(
    "phases",
    "a phase",
    Phase,
    PhaseContext,
    """
>>> from priorkit.testing import check_phase
>>> [result.check for result in check_phase("autoencoder").passed][-2:]
['phases_keep_their_contract', 'phases_train_their_players']
""",
)
"""Holds a phase to the contract of `priorkit.interfaces.Phase`."""
check_encoder = _kind_check(
    "encoder",
    "an encoder",
    Encoder,
    EncoderContext,
    """
>>> from priorkit.interfaces import ImageShape
>>> from priorkit.testing import Situations, check_encoder
>>> small = Situations(code_dims=(2,), codes=(), classes=(0,), shapes=(ImageShape(1, 16),), examples=1)
>>> check_encoder("deterministic", situations=small).failed
()
""",
)
"""Holds an encoder to the contract of `priorkit.interfaces.Encoder`."""
check_regularizer = _kind_check(
    "regularizer",
    "a regularizer",
    Regularizer,
    RegularizerContext,
    """
>>> from priorkit.testing import Situations, check_regularizer
>>> small = Situations(code_dims=(2,), codes=(), classes=(0,), examples=1)
>>> check_regularizer("kl", options={"weight": 0.5}, situations=small).failed
()
""",
)
"""Holds a regularizer to the contract of `priorkit.interfaces.Regularizer`."""
check_reconstruction_loss = _kind_check(
    "loss",
    "a reconstruction loss",
    ReconstructionLoss,
    LossContext,
    """
>>> from priorkit.interfaces import ImageShape
>>> from priorkit.testing import Situations, check_reconstruction_loss
>>> small = Situations(shapes=(ImageShape(3, 32),), examples=1)
>>> check_reconstruction_loss("pixel", options={"distance": "absolute"}, situations=small).failed
()
""",
)
"""Holds a reconstruction loss to the contract of `priorkit.interfaces.ReconstructionLoss`."""
check_adversarial_loss = _kind_check(
    "adversarial_loss",
    "an adversarial loss",
    AdversarialLoss,
    AdversarialLossContext,
    """
>>> from priorkit.testing import Situations, check_adversarial_loss
>>> report = check_adversarial_loss("hinge", situations=Situations(examples=1))
>>> report.failed
()
""",
)
"""Holds an adversarial loss to the contract of `priorkit.interfaces.AdversarialLoss`."""
check_networks = _kind_check(
    "networks",
    "a family of networks",
    Networks,
    NetworksContext,
    """
>>> from torch import nn
>>> from priorkit.testing import check_networks
>>> report = check_networks(lambda context: nn.Linear(256, 8))  # a layer, not a family of networks
>>> report.failed[-1].fix
'derive from priorkit.interfaces.Networks'
""",
)
"""Holds a family of networks to the contract of `priorkit.interfaces.Networks`."""
check_data_source = _kind_check(
    "dataset",
    "a data source",
    DataSource,
    DataContext,
    """
>>> import numpy as np
>>> from pathlib import Path
>>> from priorkit.testing import Situations, check_data_source
>>> pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
>>> np.savez("images.npz", images=pixels)
>>> check_data_source("npz", situations=Situations(data_dir=Path("images.npz"))).failed
()
""",
)
"""Holds a data source to the contract of `priorkit.interfaces.DataSource`."""
check_feature_extractor = _kind_check(
    "extractor",
    "a feature extractor",
    FeatureExtractor,
    ExtractorContext,
    """
>>> from priorkit.interfaces import FeatureExtractor, Features
>>> from priorkit.testing import check_feature_extractor
>>> class Pixels(FeatureExtractor):
...     prepare = lambda self, data: None
...     extract = lambda self, images: Features(images.flatten(1).float())
...     description = lambda self: {"name": "pixels", "weights": "none", "resolution": 16}
>>> check_feature_extractor(lambda context: Pixels()).failed
()
""",
)
"""Holds a feature extractor to the contract of `priorkit.interfaces.FeatureExtractor`."""
