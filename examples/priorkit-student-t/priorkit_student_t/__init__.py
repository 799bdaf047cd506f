"""The prior `student-t` and the recipe `student-t-vae`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, PriorContext, Recipe, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["StudentTOptions", "priorkit_priors", "priorkit_recipes"]


class StudentTOptions(Options):
    """Options of the prior `student-t`."""

    degrees: int = Field(5, ge=1, le=1000, description="degrees of freedom; the fewer, the heavier the tails")
    scale: float = Field(1.0, gt=0, description="scale of every dimension; the initial value if it is learned")
    learned: bool = Field(False, description="whether mean and scales learn by likelihood")


def _build(options: StudentTOptions, context: PriorContext) -> Prior:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_student_t.prior import StudentTPrior

    return StudentTPrior(context.code_dim, options.degrees, options.scale, learned=options.learned)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `student-t`."""
    return [
        Component(
            "student-t",
            StudentTOptions,
            _build,
            summary="a multivariate Student-t distribution: heavy tails, fixed or learned",
            source="Abiri and Ohlsson 2019, ESANN; Kotz and Nadarajah 2004, Multivariate t distributions",
        )
    ]


@hookimpl
def priorkit_recipes() -> list[Recipe]:
    """Supplies the recipe `student-t-vae`."""
    text = (Path(__file__).parent / "student-t-vae.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    about = settings.pop("recipe")
    return [Recipe("student-t-vae", about["summary"], about["source"], settings)]
