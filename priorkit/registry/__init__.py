"""Finds plug-ins, loads them, and looks up what they supply."""

from priorkit.registry.discovery import BUILTIN
from priorkit.registry.loader import load_plugins
from priorkit.registry.outcomes import FailedPlugin, LoadedPlugin
from priorkit.registry.registry import Registered, Registry, bare_name, installed_plugins

__all__ = [
    "BUILTIN",
    "FailedPlugin",
    "LoadedPlugin",
    "Registered",
    "Registry",
    "bare_name",
    "installed_plugins",
    "load_plugins",
]
