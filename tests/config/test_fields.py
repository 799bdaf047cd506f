"""Fields described in words."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from priorkit.config import FieldDescription, RunConfig, describe_fields, flag_for, resolve_config, validate_settings
from priorkit.config.fields import is_switch
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, kind_named
from priorkit.registry import installed_plugins

RUN = describe_fields(RunConfig)
COMPONENTS = [
    (item.component.name, field)
    for kind in KINDS
    for item in installed_plugins().components(kind.slot)
    for field in describe_fields(
        item.component.options, (kind.slot, item.component.name) if kind.several else (kind.slot,)
    )
]
FIELDS = [(None, field) for field in RUN] + COMPONENTS

every_field = pytest.mark.parametrize(
    ("component", "field"), FIELDS, ids=[f"{component or 'run'}{field.flag}" for component, field in FIELDS]
)


class Nested(BaseModel):
    share: float = Field(0.5, ge=0, lt=1, description="a share")


class Model(BaseModel):
    width: int = Field(3, gt=2, le=9, description="a width")
    height: int | None = Field(None, ge=1, description="a height")
    noise_kind: Literal["normal", "uniform"] = Field("normal", description="a kind")
    fast: bool = Field(False, description="whether it is fast")
    slow: bool = Field(True, description="whether it is slow")
    text: str = "x"
    path: Path | None = None
    sizes: tuple[int, ...] = Field((1, 2), description="sizes")
    names: list[str] = Field(default_factory=lambda: ["a"], description="names")
    marked: Annotated[int, "a mark"] = 4
    either: int | str = "auto"
    needed: float = Field(description="has no default")
    nested: Nested = Nested()


def test_every_sort_of_field() -> None:
    assert [(field.flag, field.type, field.default, field.description) for field in describe_fields(Model, ("a",))] == [
        ("--a.width", "int > 2, <= 9", "3", "a width"),
        ("--a.height", "int >= 1 or none", "none", "a height"),
        ("--a.noise-kind", "normal|uniform", "normal", "a kind"),
        ("--a.fast", "yes/no", "no", "whether it is fast"),
        ("--a.slow", "yes/no", "yes", "whether it is slow"),
        ("--a.text", "text", "x", ""),
        ("--a.path", "path or none", "none", ""),
        ("--a.sizes", "list of int", "1,2", "sizes"),
        ("--a.names", "list of text", "a", "names"),
        ("--a.marked", "int", "4", ""),
        ("--a.either", "int or text", "auto", ""),
        ("--a.needed", "float", "required", "has no default"),
        ("--a.nested.share", "float >= 0, < 1", "0.5", "a share"),
    ]


def test_what_may_be_none_or_several_values() -> None:
    described = {field.path[-1]: field for field in describe_fields(Model)}
    assert [name for name, field in described.items() if field.optional] == ["height", "path"]
    assert [name for name, field in described.items() if field.listed] == ["sizes", "names"]
    assert described["height"].value("none") is None
    assert described["text"].value("none") == "none"
    assert described["sizes"].value("1, 2") == ["1", "2"]


def test_switches() -> None:
    assert [field.path[-1] for field in describe_fields(Model) if field.switch] == ["fast", "slow"]
    assert is_switch(bool)
    assert not is_switch(int)


@pytest.mark.parametrize(
    ("path", "flag"),
    [
        (("steps",), "--steps"),
        (("code_dim",), "--code-dim"),
        (("prior", "noise_dim"), "--prior.noise-dim"),
        (("code_generator", "output_norm"), "--code-generator.output-norm"),
    ],
)
def test_flags(path: tuple[str, ...], flag: str) -> None:
    assert flag_for(path) == flag


def test_every_field_of_a_run_has_its_flag() -> None:
    expected = []
    for name, info in RunConfig.model_fields.items():
        nested = name in ("learning_rates", "lr_schedule")
        inner = info.annotation.model_fields if nested else ("name",)
        # The name of a table is what its own flag takes.
        expected += [(name,) if key == "name" else (name, key) for key in inner]
    assert [field.path for field in RUN] == expected
    assert len({field.flag for field in RUN}) == len(RUN)


def test_some_fields_of_a_run() -> None:
    described = {field.flag: (field.type, field.default) for field in RUN}
    for flag, words in {
        "--prior": ("name", "learned"),
        "--code-dim": ("int >= 1, <= 1000000", "64"),
        "--data-dir": ("path or none", "none"),
        "--channels": ("1|3 or none", "none"),
        "--holdout": ("float > 0, < 1", "0.1"),
        "--simultaneous": ("yes/no", "no"),
        "--optimizer": ("adam|adamw|rmsprop|sgd", "adam"),
        "--learning-rates.regularizer": ("float > 0 or none", "none"),
        "--max-time": ("time or none", "none"),
        "--device": ("text", "auto"),
    }.items():
        assert described[flag] == words


@every_field
def test_descriptions_are_for_people(component: str | None, field: FieldDescription) -> None:
    assert re.fullmatch(r"--[a-z0-9]+([.-][a-z0-9]+)*", field.flag)
    assert field.description
    # No class, module or union of Python's shows through; words to choose from may number something, as relu1_2 does.
    assert not re.search(r"<\w|[A-Z\[({]|(?<!\d)_|typing|None", field.type)
    assert field.default


SCHEDULES = {
    **dict.fromkeys(("warm_up", "length", "final"), "cosine"),
    **dict.fromkeys(("factor", "every"), "step"),
    **dict.fromkeys(("start", "peak"), "one-cycle"),
}
"""A schedule of learning rates that has each option."""


BESIDE: dict[tuple[str, str], dict[str, Any]] = {
    ("autoregressive", "width"): {"heads": 1},
    ("dirichlet", "min_concentration"): {"max_concentration": 1e4},
    ("dirichlet", "max_concentration"): {"min_concentration": 0.01},
    ("hamiltonian", "largest_step"): {"step_size": 1e-12},
    ("von-mises-fisher", "max_concentration"): {"min_concentration": 1e-12},
}
"""What an option must have beside it so that all of its values are possible."""


def accepts(component: str | None, field: FieldDescription, text: str) -> Any:
    """The value that a configuration has where the command line says `text`."""
    slot, *rest = field.path
    if component is not None:
        option = rest[-1]
        table = {"name": component, **BESIDE.get((component, option), {}), option: field.value(text)}
        several = kind_named(slot).several
        config = resolve_config(validate_settings({slot: [table] if several else table}), installed_plugins())
        found = getattr(config, slot)
        return (found[0] if several else found).options[option]
    # What is no option of a schedule is refused whatever it is.
    chosen = {"name": SCHEDULES[rest[0]]} if slot == "lr_schedule" and rest else {}
    value = getattr(validate_settings({slot: {**chosen, rest[0]: field.value(text)} if rest else text}), slot)
    if slot == "lr_schedule" and not rest:
        return value.name
    return getattr(value, rest[0]) if rest else value


@every_field
def test_a_default_in_words_is_the_default(component: str | None, field: FieldDescription) -> None:
    slot, *rest = field.path
    if component is not None:
        default = getattr(installed_plugins().get(slot, component).component.options(), rest[-1])
    else:
        default = getattr(RunConfig(), slot)
        default = getattr(default, rest[0] if rest else "name") if rest or slot == "lr_schedule" else default
    if field.default == "none" and field.type != "name" and "none" not in field.type.split("|"):
        assert default is None
        assert field.type.endswith(" or none")
    else:
        # A configuration keeps lists, as TOML does.
        found = accepts(component, field, field.default)
        assert (list(found) if isinstance(found, tuple) else found) == (
            list(default) if isinstance(default, tuple) else default
        )


BOUNDED = [(component, field) for component, field in FIELDS if re.search("[<>]", field.type)]


@pytest.mark.parametrize(
    ("component", "field"), BOUNDED, ids=[f"{component or 'run'}{field.flag}" for component, field in BOUNDED]
)
def test_bounds_in_words_are_the_bounds(component: str | None, field: FieldDescription) -> None:
    whole = field.type.startswith("int")
    for symbol, bound in re.findall(r"([<>]=?) ([0-9.e+-]+)", field.type):
        step = 1 if whole else 1e-9
        number = int(bound) if whole else float(bound)
        outside = number + step if symbol.startswith("<") else number - step
        inside = 2 * number - outside
        # What is on the bound is inside if the bound says `=`.
        allowed, refused = (bound, outside) if "=" in symbol else (inside, bound)
        assert accepts(component, field, str(allowed)) == pytest.approx(float(allowed))
        with pytest.raises(ConfigurationError, match=re.escape(f"{field.flag}: input should be ")):
            accepts(component, field, str(refused))
