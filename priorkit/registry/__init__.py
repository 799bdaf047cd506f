"""Finds plug-ins, loads them, and looks up what they supply."""

from priorkit.registry.discovery import BUILTIN
from priorkit.registry.loader import load_plugins
from priorkit.registry.outcomes import FailedPlugin, LoadedPlugin
from priorkit.registry.registration import register
from priorkit.registry.registry import GIVEN, REGISTERED, Registered, Registry, bare_name, installed_plugins

__all__ = [
    "BUILTIN",
    "GIVEN",
    "REGISTERED",
    "FailedPlugin",
    "LoadedPlugin",
    "Registered",
    "Registry",
    "bare_name",
    "installed_plugins",
    "load_plugins",
    "register",
]
