"""Configurations written to TOML and read back."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from priorkit.config import (
    LIMITS,
    ComponentChoice,
    LRSchedule,
    RunConfig,
    Stage,
    config_to_toml,
    merge_settings,
    read_toml,
    resolve_config,
    validate_settings,
)
from priorkit.config.run_config import Duration
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS
from priorkit.registry import Registered, Registry, installed_plugins

REGISTRY: Registry = installed_plugins()

# Whatever TOML has to escape, and what it has not.
texts = st.text(st.sampled_from("ab/._- \"'\\\n\t#=[]ü日\u0085"), min_size=1, max_size=12)


def _bound(info: FieldInfo, kind: Any, otherwise: Any) -> Any:
    found = [getattr(item, kind.__name__.lower()) for item in info.metadata if isinstance(item, kind)]
    return found[0] if found else otherwise


PHASES = RunConfig.model_fields["phases"].default


def _plain_values(annotation: Any, info: FieldInfo) -> st.SearchStrategy[Any]:
    """Values that a field's type and bounds allow."""
    lowest, highest = _bound(info, annotated_types.Ge, None), _bound(info, annotated_types.Le, None)
    above, below = _bound(info, annotated_types.Gt, None), _bound(info, annotated_types.Lt, None)
    if annotation == Duration:
        return st.floats(1e-3, 1e9)
    if get_origin(annotation) is Annotated:
        return _plain_values(get_args(annotation)[0], info)
    if annotation == tuple[ComponentChoice, ...]:
        return st.lists(st.sampled_from(PHASES), min_size=1, max_size=3, unique_by=lambda choice: choice.name).map(
            tuple
        )
    if annotation == tuple[int, int]:
        # The grey values of 16 bits that become black and white.
        return st.lists(st.integers(0, 65535), min_size=2, max_size=2, unique=True).map(sorted).map(tuple)
    if get_origin(annotation) is tuple:
        (item, dots) = get_args(annotation)
        assert dots is Ellipsis, f"say how to draw a {annotation}"
        bounds = next((part for part in get_args(item) if isinstance(part, FieldInfo)), info)
        return st.lists(_plain_values(item, bounds), min_size=1, max_size=3).map(tuple)
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        least = lowest if lowest is not None else -(2**63)
        return st.integers(least, highest if highest is not None else (below or 2**63) - 1)
    if annotation is float:
        return st.floats(
            lowest if lowest is not None else above,
            highest if highest is not None else below,
            exclude_min=above is not None,
            exclude_max=below is not None,
            allow_nan=False,
            allow_infinity=False,
        )
    if annotation is Path:
        return texts.filter(lambda text: not text.startswith("~")).map(Path)
    if annotation is str:
        return texts
    if annotation is Stage:
        return st.builds(Stage, phases=st.just(("autoencoder",)), steps=st.integers(1, 10))
    raise AssertionError(f"say how to draw a {annotation}")


def values(name: str, info: FieldInfo) -> st.SearchStrategy[Any]:
    """Values of a field, components with options included."""
    annotation = info.annotation
    if name == "device":
        return st.sampled_from(["auto", "cpu", "cuda", "cuda:1", "mps"])
    if annotation is ComponentChoice:
        return st.sampled_from(REGISTRY.components(name)).flatmap(choices)
    if annotation is LRSchedule:
        return schedules()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return tables(annotation)
    members = [member for member in get_args(annotation) if member is not type(None)]
    if type(None) in get_args(annotation):
        return st.none() | _plain_values(members[0], info)
    return _plain_values(annotation, info)


def whole_configurations() -> st.SearchStrategy[dict[str, Any]]:
    """Settings of a run; those with stages are not limited in another way, so that their last stage is reached."""
    return tables(RunConfig).map(
        lambda given: {key: value for key, value in given.items() if not (given.get("stages") and key in LIMITS)}
    )


def schedules() -> st.SearchStrategy[Any]:
    """A schedule of learning rates, by name or in a table with options of its own."""
    fields = LRSchedule.model_fields
    falling = {"length": st.integers(50, 99), "final": values("final", fields["final"])}
    falling = {**falling, "warm_up": st.integers(0, 49)}
    named = st.sampled_from(get_args(fields["name"].annotation))
    return named | st.fixed_dictionaries({"name": st.sampled_from(["linear", "cosine"])}, optional=falling)


def tables(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of a class's fields, with values."""
    return st.fixed_dictionaries({}, optional={name: values(name, info) for name, info in model.model_fields.items()})


def choices(item: Registered) -> st.SearchStrategy[Any]:
    """A component, by name or in a table with options that go together."""

    def together(options: dict[str, Any]) -> bool:
        try:
            item.component.options.model_validate(options)
        except ValidationError as error:
            # Whatever is wrong with a field alone is no excuse: its values are within its bounds.
            return any(detail["loc"] for detail in error.errors())
        return True

    options = tables(item.component.options).filter(together)
    names = st.sampled_from([item.component.name, item.qualified_name])
    return names | st.builds(lambda name, table: {"name": name, **table}, names, options)


@settings(deadline=None, max_examples=100)
@given(given_settings=whole_configurations())
def test_a_resolved_configuration_survives_its_file(
    given_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = resolve_config(validate_settings(given_settings), REGISTRY)
    path = tmp_path_factory.getbasetemp() / "config.toml"
    path.write_text(config_to_toml(config), encoding="utf-8")
    again = resolve_config(validate_settings(read_toml(path)), REGISTRY)
    assert again == config
    assert config_to_toml(again) == config_to_toml(config)
    # Resolving twice changes nothing; nor does a configuration laid over itself.
    assert resolve_config(config, REGISTRY) == config
    assert validate_settings(merge_settings(config.model_dump(), config.model_dump())) == config


@settings(deadline=None, max_examples=50)
@given(given_settings=whole_configurations())
def test_so_does_one_that_is_not_resolved(given_settings: dict[str, Any]) -> None:
    config = validate_settings(given_settings)
    again = validate_settings(tomllib.loads(config_to_toml(config)))
    assert resolve_config(again, REGISTRY) == resolve_config(config, REGISTRY)


def test_the_file_can_be_read_by_people() -> None:
    config = RunConfig(prior={"name": "learned", "noise_dim": 3}, data_dir="here", learning_rates={"encoder": 0.001})
    written = tomllib.loads(config_to_toml(config))
    assert written["prior"] == {"name": "learned", "noise_dim": 3}
    assert written["data_dir"] == "here"
    assert written["learning_rates"] == {"encoder": 0.001}
    assert "steps" not in written


@pytest.mark.parametrize("choice", ["learned", {"name": "learned", "noise_dim": 3}])
def test_both_ways_to_write_a_component(tmp_path: Path, choice: Any) -> None:
    table = "" if isinstance(choice, str) else "[prior]\nname = 'learned'\nnoise_dim = 3"
    path = tmp_path / "config.toml"
    path.write_text(table or "prior = 'learned'", encoding="utf-8")
    assert validate_settings(read_toml(path)).prior == ComponentChoice.model_validate(choice)


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    with pytest.raises(ConfigurationError) as error:
        read_toml(path)
    assert str(error.value) == f"no configuration file {str(path)!r}: check the path"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the configuration") as error:
        read_toml(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("content", [b"prior = ", b"a = 1\na = 2", b"\xff\xfe", b"[prior\n", b"prior: learned"])
def test_what_is_not_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is not TOML: ") as error:
        read_toml(path)
    assert str(error.value).startswith(repr(str(path)))
    assert "\n" not in str(error.value)


def test_every_kind_of_component_is_written() -> None:
    written = tomllib.loads(config_to_toml(resolve_config(RunConfig(), REGISTRY)))
    for kind in KINDS:
        for table in written[kind.slot] if kind.several else [written[kind.slot]]:
            options = REGISTRY.get(kind.slot, table["name"]).component.options()
            expected = {key: value for key, value in options.model_dump(mode="json").items() if value is not None}
            assert {key: value for key, value in table.items() if key != "name"} == expected


def test_a_recipes_own_file_is_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("prior = 'gaussian'\n[recipe]\nsummary = 'mine'\nsource = 'me'\n", encoding="utf-8-sig")
    assert read_toml(path) == {"prior": "gaussian"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps = " + "[" * 5000 + "]" * 5000, "is nested too deeply for a configuration"),
        ("steps = " + "9" * 5000, "is not TOML: Exceeds the limit"),
        ("steps = {" + "a = {" * 5000 + "}" * 5000 + "}", "is nested too deeply for a configuration"),
    ],
    ids=["lists", "digits", "tables"],
)
def test_texts_that_nobody_writes(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_toml(tmp_path / "run.toml")
    assert f"run.toml' {told}" in str(caught.value)
    assert "sys." not in str(caught.value)
