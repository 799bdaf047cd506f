"""A study: systems that are trained alike, and what the paper reports of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest

__all__ = ["ComparedSystem", "Study"]


@dataclass(frozen=True)
class ComparedSystem:
    """One system of a study.

    Attributes:
        name: Names its run folders.
        title: What the paper calls it.
        recipe: The recipe that it is.
        settings: What the study changes in the recipe; users cannot change these.
        score: What the paper reports for it, on the paper's data, by the study's measure; None if no figure is known.
        remark: What the paper says of it, where that is no figure.
    """

    name: str
    title: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Study:
    """One table or figure of the paper.

    Attributes:
        name: What users type.
        title: What it shows.
        data: The paper's data sets.
        systems: What is trained, in the order of the paper.
        measure: What the paper's figures are, or empty if it shows pictures only.
        settings: What all systems share, over their recipes; users may change these.
        code_dims: Where the paper's code size depends on the data: the size by data set.
        pictures: What is drawn beside samples: `classes`, a grid whose columns share s and
            whose rows share the noise; `codes`, those of the prior and of the encoder in the plane.
        notes: What a reader of our results should know.
    """

    name: str
    title: str
    data: tuple[str, ...]
    systems: tuple[ComparedSystem, ...]
    measure: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    code_dims: Mapping[str, int] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def chosen(self, names: tuple[str, ...]) -> tuple[ComparedSystem, ...]:
        """The systems of these names, in the study's order; all of them for no names.

        Raises:
            ConfigurationError: The study has no system of that name.
        """
        known = [system.name for system in self.systems]
        for name in names:
            if name not in known:
                raise ConfigurationError(
                    f"{self.name} has no system {name!r}{nearest(name, known)} Its systems: {', '.join(known)}."
                )
        return tuple(system for system in self.systems if not names or system.name in names)
