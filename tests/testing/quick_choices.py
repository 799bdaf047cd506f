"""Chooses which of many similar tests are always run; the others are `slow`.

A check of what components do is made of every component in every run of the suite. What only combines components
otherwise (a further recipe of the same ones), or gives one further options, is left to the slow tests where a check
takes long.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from priorkit.config import resolve_config, validate_settings
from priorkit.plugins import KINDS
from priorkit.registry import installed_plugins
from priorkit.testing import Case, Situations, parametrize_with_checks

__all__ = ["contracts", "each_component", "every_recipe"]

_MAIN = ("vae", "aae", "learned")


def every_recipe() -> list[str]:
    """Returns the names of the built-in recipes."""
    return [recipe.name for recipe in installed_plugins().recipes()]


@cache
def _components(recipe: str) -> set[tuple[str, str]]:
    """Returns the components of a recipe, pairs of a kind and a name; the phases of a stage count as one component."""
    registry = installed_plugins()
    config = resolve_config(validate_settings(registry.recipe(recipe).settings), registry)
    chosen = {kind.slot: getattr(config, kind.slot) for kind in KINDS if hasattr(config, kind.slot)}
    phases = {str(stage.phases) for stage in config.stages or ()} | {phase.name for phase in config.phases}
    return {
        *(("phases", name) for name in phases),
        *((slot, component.name) for slot, component in chosen.items() if hasattr(component, "name")),
    }


def each_component(*beside: object, of: Sequence[str] = ()) -> list[Any]:
    """Returns every recipe as parameters of a test; quick recipes together contain each component once.

    `vae`, `aae` and `learned` are among them.

    Args:
        beside: Further values for each recipe.
        of: Some recipes; all that are built in if there are none.
    """
    missing = {recipe: _components(recipe) for recipe in of or every_recipe()}
    order = [*_MAIN, *missing]
    quick: set[str] = set()
    while any(missing.values()):
        # The recipe with most missing components; among equals, the first.
        taken = max(order, key=lambda recipe: (recipe in _MAIN and recipe not in quick, len(missing[recipe])))
        quick.add(taken)
        missing = {recipe: components - missing[taken] for recipe, components in missing.items()}
    return [pytest.param(recipe, *beside, marks=() if recipe in quick else pytest.mark.slow) for recipe in missing]


def contracts(cases: Sequence[Case]) -> Any:
    """Like `parametrize_with_checks`, but with fewer examples for all cases of a component except the first.

    Of further cases, checks that take long are slow, and few batch sizes and seeds are tried, with one size of codes
    and, but for data sets, one shape of images. Whether compiled priors and encoders compute the same is slow, too,
    where a recipe has them: tests/training/test_acceleration.py compiles what is compiled of them.

    Args:
        cases: The components with their options.
    """
    compiled = {part for recipe in every_recipe() for part in _components(recipe) if part[0] in ("encoder", "prior")}
    seen: set[str] = set()
    parameters: list[Any] = []
    for case in cases:
        component = case.component
        subject = str(case.subject) if component is None else component.name
        further = subject in seen
        seen.add(subject)
        mark: Any = parametrize_with_checks([replace(case, situations=_brief(case)) if further else case])
        for bound in mark.args[1]:
            takes_long = bound.check.costly or bound.check.name == "learns_the_codes"
            elsewhere = bound.check.costly and (case.slot, subject) in compiled
            slow = elsewhere or (further and takes_long)
            parameters.append(pytest.param(bound, marks=pytest.mark.slow if slow else ()))
    return pytest.mark.parametrize("check", parameters, ids=repr)


def _brief(case: Case) -> Situations:
    given = case.situations
    shapes = given.shapes if case.slot == "dataset" else given.shapes[:1]
    return replace(given, examples=min(_FEW, given.examples), code_dims=given.code_dims[:1], shapes=shapes)


_FEW = 2
