"""The request for a sweep."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from priorkit.config import validate_settings
from priorkit.errors import ConfigurationError
from priorkit.studies.study_file import MAY_CHANGE, NOT_TRAINING
from priorkit.sweeps.objectives import Objective
from priorkit.sweeps.space import SearchSpace

__all__ = ["Pruner", "SweepRequest"]

Pruner = Literal["median", "hyperband", "none"]


@dataclass(frozen=True)
class SweepRequest:
    """The request for a sweep.

    Attributes:
        space: The configurations to search.
        objectives: The objectives; several give trade-offs.
        out: The sweep's folder, in which each trial has a run folder.
        trials: Total number of trials, including those of earlier calls and other machines.
        jobs: Number of processes that train at the same time.
        study: A file of SQLite, or a `postgresql://` URL; `study.db` in the folder if None.
        name: The study's name in the database; the folder's name if empty.
        pruner: The rule that ends bad trials early: `median` of the others' reviews, `hyperband` (successive halving),
            or `none`. Not used with several objectives.
        samples: Number of samples for scores.
        seed: Seed of the drawn values; trials differ by their numbers.

    Raises:
        ConfigurationError: A number is too small, or there is no such pruner.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit import installed_plugins
        >>> from priorkit.sweeps import SearchSpace, SweepRequest, parse_objectives, parse_search
        >>> space = SearchSpace.checked({"steps": 500}, parse_search(["learning_rate=1e-4..1e-2"]), installed_plugins())
        >>> request = SweepRequest(space, parse_objectives("sample_distance,psnr"), Path("sweeps/rates"), trials=20)
        >>> request.study_name, request.scores, request.prunes
        ('rates', ('psnr',), False)
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    out: Path
    trials: int = 20
    jobs: int = 1
    study: str | None = None
    name: str = ""
    pruner: Pruner = "median"
    samples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("jobs", 1), ("samples", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigurationError(f"--{name} must be at least {least}, not {getattr(self, name)}")
        if self.pruner not in ("median", "hyperband", "none"):
            raise ConfigurationError(f"--pruner must be median, hyperband or none, not {self.pruner!r}")

    @property
    def study_name(self) -> str:
        """The study's name in its database."""
        return self.name or self.out.absolute().name

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores to be computed after training."""
        return tuple(item.score for item in self.objectives if item.score is not None)

    @property
    def prunes(self) -> bool:
        """Whether trials may be ended early: there is only one objective, and reviews measure it."""
        return self.pruner != "none" and len(self.objectives) == 1 and self.objectives[0].reviewed

    def content(self) -> dict[str, Any]:
        """The settings that must be the same in all calls that resume a study, as plain values."""
        shared = validate_settings(self.space.settings).model_dump(mode="json")
        settings = {key: value for key, value in shared.items() if key not in (*MAY_CHANGE, *NOT_TRAINING)}
        searched = [str(option) for option in self.space.options]
        return {"settings": settings, "search": searched, "objectives": [str(item) for item in self.objectives]}
