"""Loads, with text and options that are hard to show, and recipes that configure nothing."""

from collections.abc import Callable

from pydantic import BaseModel, Field, field_serializer

from priorkit.plugins import Component, Options, Recipe, hookimpl


class Knot(BaseModel):
    again: "Knot | None" = None


class Odd:
    def __str__(self):
        return 1 / 0


class OddOptions(Options):
    nothing: tuple[()] = ()
    knot: Knot = Knot()
    shown: str = Field(
        "a\nprior\x1b[31m in\x1b[0m \udcff [bold]red\r" + "x" * 100_000,
        description="a\nprior\x1b[31m in\x1b[0m \udcff [bold]red\r" + "x" * 100_000,
    )
    number: int = Field(1, description=7)
    later: int = Field(default_factory=lambda data: data["number"])
    function: Callable[[int], int] | None = None
    strange: object = Odd()

    @field_serializer("strange")
    def written(self, value):
        return "odd"


@hookimpl
def priorkit_priors():
    return [
        Component(
            "ugly",
            OddOptions,
            print,
            "a\nprior\x1b[31m in\x1b[0m \udcff [bold]red\r" + "x" * 100_000,
            "a\nprior\x1b[31m in\x1b[0m \udcff [bold]red\r" + "x" * 100_000,
        )
    ]


@hookimpl
def priorkit_recipes():
    return [
        Recipe(
            "ugly-recipe",
            "a\nprior\x1b[31m in\x1b[0m \udcff [bold]red\r" + "x" * 100_000,
            "a\nprior\x1b[31m in\x1b[0m \udcff [bold]red\r" + "x" * 100_000,
            {"prior": {"name": "ugly", "number": "x"}},
        ),
        Recipe("ugly-key", "a recipe", "a test", {"no_such\nkey": 1}),
        Recipe("ugly-choice", "a recipe", "a test", {"prior": [1]}),
        Recipe("ugly-value", "a recipe", "a test", {"steps": object()}),
    ]
