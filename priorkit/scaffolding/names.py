"""The names in a plug-in, derived from the name of its component."""

from dataclasses import dataclass

from priorkit.errors import ConfigurationError
from priorkit.plugins import is_component_name

__all__ = ["PluginNames"]

_TAKEN = ("plugins",)
"""Names whose package would be one of priorkit's own (`priorkit_plugins`)."""
_LONGEST = 40
"""Maximal number of characters of a name, for which the templates' lines have room."""


@dataclass(frozen=True)
class PluginNames:
    """The names in a plug-in's distribution.

    Attributes:
        component: The name that users type, such as `student-t`.

    Raises:
        ConfigurationError: The name is not lower-case words joined by hyphens, is too long, or gives a package that is
            priorkit's own.
    """

    component: str

    def __post_init__(self) -> None:
        if not is_component_name(self.component):
            raise ConfigurationError(
                f"{self.component!r} cannot name a component: it must be lower-case words of letters and digits, "
                "joined by single hyphens, such as student-t"
            )
        if self.component in _TAKEN:
            raise ConfigurationError(
                f"{self.component!r} cannot be used: the package {self.package} is priorkit's own; choose another name"
            )
        if len(self.component) > _LONGEST:
            raise ConfigurationError(
                f"{self.component!r} cannot be used: it has {len(self.component)} characters, but modules and classes "
                f"are named after it; choose a name of at most {_LONGEST}"
            )

    @property
    def distribution(self) -> str:
        """The distribution's name: `priorkit-student-t`."""
        return f"priorkit-{self.component}"

    @property
    def module(self) -> str:
        """The name as part of a module's name: `student_t`."""
        return self.component.replace("-", "_")

    @property
    def package(self) -> str:
        """The package's name: `priorkit_student_t`."""
        return f"priorkit_{self.module}"

    @property
    def class_prefix(self) -> str:
        """The prefix of classes' names: `StudentT`; `Priorkit3d` for `3d`, as no class name starts with a digit."""
        prefix = "".join(word.capitalize() for word in self.component.split("-"))
        return prefix if prefix[0].isalpha() else f"Priorkit{prefix}"

    def class_named(self, suffix: str, interface: str) -> str:
        """The name of the component's class: `StudentTPrior`, and `MyPrior` for `my-prior`, not `MyPriorPrior`.

        Args:
            suffix: The suffix of the name.
            interface: The base class, whose name it cannot have.
        """
        name = self.class_prefix if self.class_prefix.endswith(suffix) else f"{self.class_prefix}{suffix}"
        return f"Priorkit{name}" if name == interface else name
