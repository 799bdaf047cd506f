"""A study: systems that are trained alike, priors that are fitted alike, and what the paper reports of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest

__all__ = ["MAIN_SCORES", "SAMPLE_SCORES", "ComparedSystem", "Study"]

SAMPLE_SCORES = (
    "inception-score",
    "frechet-distance",
    "kernel-distance",
    "precision",
    "recall",
    "density",
    "coverage",
    "label-agreement",
    "clustering",
)
"""Scores of samples, and of what is learned without labels: those that are quick and need no download."""
MAIN_SCORES = ("inception-score", "frechet-distance", "label-agreement", "clustering-accuracy")
"""Those that the paper's claims are about."""


@dataclass(frozen=True)
class ComparedSystem:
    """One system of a study.

    Attributes:
        name: Names its run folders.
        title: What the paper calls it.
        recipe: The recipe that it is; empty for a prior that is fitted to another system's codes.
        settings: What the study changes in the recipe, or in the defaults of a fit; users cannot change these.
        fitted_to: The name of the system to whose codes its prior is fitted, as by `priorkit fit`; empty for a system
            that is trained.
        prior: The name of that prior, by which all its fits in a study are chosen together; empty where trained.
        score: What the paper reports for it, on the paper's data, by the study's measure; None if no figure is known.
        remark: What the paper says of it, where that is no figure.
    """

    name: str
    title: str
    recipe: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    fitted_to: str = ""
    prior: str = ""
    score: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Study:
    """One table or figure of the paper, or another comparison.

    Attributes:
        name: What users type.
        title: What it shows.
        data: The paper's data sets.
        systems: What is trained, in the order of the paper.
        measure: What the paper's figures are, or empty if it shows pictures only.
        settings: What all systems share, over their recipes; users may change these.
        code_dims: Where the paper's code size depends on the data: the size by data set.
        pictures: What is drawn beside samples: `classes`, a grid whose columns share s and
            whose rows share the noise; `codes`, those of the prior and of the encoder in the plane; `texts`, samples of
            each of some texts; `sweep`, a grid whose columns are the alternatives of one text with braces.
        texts: The texts of `texts` and `sweep`, by data set; users may give others.
        scores: Names of scores or groups that its runs are given.
        main_scores: Those of them that a table for people has.
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
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: tuple[str, ...] = SAMPLE_SCORES
    main_scores: tuple[str, ...] = MAIN_SCORES
    notes: tuple[str, ...] = ()

    @property
    def has_fits(self) -> bool:
        """Whether priors are fitted to the codes of some of its systems."""
        return any(system.fitted_to for system in self.systems)

    @property
    def draws_texts(self) -> bool:
        """Whether its pictures are of texts."""
        return not {"texts", "sweep"}.isdisjoint(self.pictures)

    def chosen(self, names: tuple[str, ...]) -> tuple[ComparedSystem, ...]:
        """The systems of these names, and those that they are fitted to, in the study's order; all for no names.

        Raises:
            ConfigurationError: The study has no system of that name.
        """
        known = list(
            dict.fromkeys([system.name for system in self.systems] + [system.prior for system in self.systems])
        )
        for name in names:
            if not name or name not in known:
                raise ConfigurationError(
                    f"{self.name} has no system {name!r}{nearest(name, known)} Its systems: "
                    f"{', '.join(name for name in known if name)}."
                )
        asked = [system for system in self.systems if not names or system.name in names or system.prior in names]
        wanted = {system.name for system in asked} | {system.fitted_to for system in asked}
        return tuple(system for system in self.systems if system.name in wanted)
