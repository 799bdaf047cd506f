"""The interface for writing plug-ins: hooks, component records and contexts."""

from priorkit.deprecation import Deprecated
from priorkit.plugins.array_files import BROKEN_FILE_ERRORS, checked_array
from priorkit.plugins.component import Component, Options, PhaseComponent, Recipe, is_component_name
from priorkit.plugins.contexts import (
    AdversarialLossContext,
    CodeGeneratorContext,
    ConditionContext,
    EncoderContext,
    LossContext,
    NetworksContext,
    PhaseContext,
    PriorContext,
    RegularizerContext,
    TextEncoderContext,
)
from priorkit.plugins.data_contexts import DataContext, ExtractorContext
from priorkit.plugins.holdout_split import held_out
from priorkit.plugins.hooks import KINDS, Kind, PluginWarning, hookimpl, kind_named
from priorkit.plugins.image_sizes import IMAGE_SIZES, central_square, fitted_size, image_bytes
from priorkit.plugins.vocabulary import caption_words, vocabulary_of
from priorkit.plugins.wording import nearest

__all__ = [
    "BROKEN_FILE_ERRORS",
    "IMAGE_SIZES",
    "KINDS",
    "AdversarialLossContext",
    "CodeGeneratorContext",
    "Component",
    "ConditionContext",
    "DataContext",
    "Deprecated",
    "EncoderContext",
    "ExtractorContext",
    "Kind",
    "LossContext",
    "NetworksContext",
    "Options",
    "PhaseComponent",
    "PhaseContext",
    "PluginWarning",
    "PriorContext",
    "Recipe",
    "RegularizerContext",
    "TextEncoderContext",
    "caption_words",
    "central_square",
    "checked_array",
    "fitted_size",
    "held_out",
    "hookimpl",
    "image_bytes",
    "is_component_name",
    "kind_named",
    "nearest",
    "vocabulary_of",
]
