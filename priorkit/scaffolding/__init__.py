"""Writes the beginnings of a plug-in: a distribution of its own, with a component that works and its tests."""

from priorkit.scaffolding.names import PluginNames
from priorkit.scaffolding.new_plugin import NewPlugin, write_plugin
from priorkit.scaffolding.templates import TEMPLATES, Template, template_for

__all__ = ["TEMPLATES", "NewPlugin", "PluginNames", "Template", "template_for", "write_plugin"]
