"""Writes new plug-ins from templates: a distribution with a working component and its tests."""

from priorkit.scaffolding.names import PluginNames
from priorkit.scaffolding.new_plugin import NewPlugin, write_plugin
from priorkit.scaffolding.templates import TEMPLATES, Template, template_for

__all__ = ["TEMPLATES", "NewPlugin", "PluginNames", "Template", "template_for", "write_plugin"]
