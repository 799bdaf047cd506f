"""A plug-in of every kind, as `priorkit new-plugin` writes it."""

import pytest

from priorkit.registry import installed_plugins
from priorkit.scaffolding import TEMPLATES, write_plugin

# Of one letter and of many: lines of the templates must neither have to be joined nor to be broken. And one whose first
# class would have the name of an interface.
NAMES = (
    "x",
    "a-component-with-a-long-name-2",
    # As long as a name may be, and with longer names of classes still.
    "a-name-of-forty-characters-and-no-more-2",
    "3dnameoffortycharactersinasinglelongword",
    "prior",
    "code-generator",
    "data",
    "feature",
    "reconstruction",
    "networks",
)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The folders of plug-ins of all kinds, called after them."""
    out = tmp_path_factory.mktemp("written")
    registry = installed_plugins()
    return [write_plugin(f"my-{template.kind}", template.kind, out, registry).folder for template in TEMPLATES]


@pytest.fixture(scope="session")
def oddly_named(tmp_path_factory):
    """The folders of plug-ins of all kinds, of odd names."""
    registry = installed_plugins()
    return [
        write_plugin(name, template.kind, tmp_path_factory.mktemp(template.kind), registry).folder
        for template in TEMPLATES
        for name in NAMES
    ]
