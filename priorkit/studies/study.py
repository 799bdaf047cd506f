"""Studies: systems that are trained alike, priors that are fitted alike, and the paper's figures for them."""

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
"""Scores of samples and of clusters that are quick to compute and need no download."""
MAIN_SCORES = ("inception-score", "frechet-distance", "label-agreement", "clustering-accuracy")
"""The scores that the paper's claims are about."""


@dataclass(frozen=True)
class ComparedSystem:
    """One system of a study.

    Attributes:
        name: The system's name, with which the names of its run folders begin.
        title: The paper's name for the system.
        recipe: The system's recipe; empty for a prior that is fitted to another system's codes.
        settings: The study's changes to the recipe, or to the defaults of a fit; users cannot change these settings.
        fitted_to: For a fitted prior, the name of the system whose codes it is fitted to (as by `priorkit fit`);
            otherwise empty.
        prior: For a fitted prior, its name, which selects all of its fits in a study; otherwise empty.
        score: The paper's figure for the system, on the paper's data, in the study's measure; None if it is unknown.
        remark: The paper's statement about the system, if it is not a figure.
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
        name: The name that users type.
        title: One line about what the study shows.
        data: The paper's data sets.
        systems: The systems, in the order of the paper.
        measure: The measure of the paper's figures; empty if the paper shows only pictures.
        settings: Settings of all systems, which override their recipes; users may change these settings.
        code_dims: The code size for each data set, if it depends on the data in the paper.
        pictures: Pictures to draw besides samples: `classes`, a grid whose columns share s and whose rows share the
            noise; `codes`, the codes of the prior and of the encoder in the plane; `texts`, samples of each of several
            texts; `sweep`, a grid whose columns are the alternatives of one text with braces.
        texts: The texts of `texts` and `sweep`, by data set; users may give others.
        scores: Names of the scores or groups that are computed for the runs.
        main_scores: Names of the scores in the printed table.
        notes: Notes for readers of our results.
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
        """Whether the study fits priors to the codes of its systems."""
        return any(system.fitted_to for system in self.systems)

    @property
    def draws_texts(self) -> bool:
        """Whether the study draws pictures of texts."""
        return not {"texts", "sweep"}.isdisjoint(self.pictures)

    def chosen(self, names: tuple[str, ...]) -> tuple[ComparedSystem, ...]:
        """The named systems and the systems that they are fitted to, in the study's order; all if `names` is empty.

        Raises:
            ConfigurationError: The study has no system or prior of such a name.
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
