"""What a plug-in is written with, and the registry that finds what plug-ins supply."""

from priorkit.plugins.component import Component, Options, Recipe, is_component_name
from priorkit.plugins.contexts import (
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
)
from priorkit.plugins.discovery import BUILTIN
from priorkit.plugins.hooks import KINDS, Kind, hookimpl, kind_named
from priorkit.plugins.image_sizes import IMAGE_SIZES, fitted_size, image_bytes
from priorkit.plugins.loader import load_plugins
from priorkit.plugins.outcomes import FailedPlugin, LoadedPlugin, PluginWarning
from priorkit.plugins.registry import Registered, Registry, installed_plugins
from priorkit.plugins.wording import nearest

__all__ = [
    "BUILTIN",
    "IMAGE_SIZES",
    "KINDS",
    "AdversarialLossContext",
    "CodeGeneratorContext",
    "Component",
    "ConditionContext",
    "DataContext",
    "EncoderContext",
    "ExtractorContext",
    "FailedPlugin",
    "Kind",
    "LoadedPlugin",
    "LossContext",
    "NetworksContext",
    "Options",
    "PhaseContext",
    "PluginWarning",
    "PriorContext",
    "Recipe",
    "Registered",
    "Registry",
    "RegularizerContext",
    "fitted_size",
    "hookimpl",
    "image_bytes",
    "installed_plugins",
    "is_component_name",
    "kind_named",
    "load_plugins",
    "nearest",
]
