"""Stages, as tables and as text."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from priorkit.config import (
    RunConfig,
    Stage,
    beginnings,
    config_to_toml,
    merge_settings,
    resolve_config,
    validate_settings,
)
from priorkit.errors import ConfigurationError
from priorkit.registry import installed_plugins

NAMES = st.lists(st.from_regex(r"[a-z]{1,8}(-[a-z]{1,8})?", fullmatch=True), max_size=3, unique=True)


@settings(deadline=None)
@given(phases=NAMES.filter(lambda names: "all" not in names), steps=st.none() | st.integers(1, 10**9))
def test_the_text_form_means_the_stage(phases: list[str], steps: int | None) -> None:
    stage = Stage(phases=tuple(phases), steps=steps)
    assert Stage.model_validate(str(stage)) == stage


@pytest.mark.parametrize(
    ("text", "phases", "steps"),
    [
        ("autoencoder:100", ("autoencoder",), 100),
        (" autoencoder + energy : 100 ", ("autoencoder", "energy"), 100),
        ("all:5", (), 5),
        ("code-fitting", ("code-fitting",), None),
        ("acme:energy+autoencoder:7", ("acme:energy", "autoencoder"), 7),
    ],
)
def test_ways_to_write_a_stage(text: str, phases: tuple[str, ...], steps: int | None) -> None:
    assert Stage.model_validate(text) == Stage(phases=phases, steps=steps)


@pytest.mark.parametrize("text", ["", ":5", "a++b:5", "a:", "a:x", "a:-1", "a:0", "a:1.5", "a+a:3", "acme:a"])
def test_what_is_no_stage(text: str) -> None:
    with pytest.raises(ValidationError):
        Stage.model_validate(text)


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 1000), min_size=1, max_size=5))
def test_each_begins_where_those_before_it_end(lengths: list[int]) -> None:
    stages = [Stage(steps=length) for length in lengths]
    assert beginnings(stages) == [sum(lengths[:number]) for number in range(len(lengths))]


def test_a_run_without_stages_has_one_beginning() -> None:
    assert beginnings(None) == [0]


def resolved(**changes: Any) -> RunConfig:
    return resolve_config(validate_settings(changes), installed_plugins())


def test_the_last_length_becomes_the_runs() -> None:
    config = resolved(stages="all:100,code-fitting:200")
    assert (config.steps, str(config.stages[-1]) if config.stages else "") == (300, "code-fitting")
    assert resolve_config(config, installed_plugins()) == config
    assert resolved(stages="all:100,code-fitting").steps == 1600
    assert resolved(stages="all:100,code-fitting", steps=150).steps == 150
    assert resolved(stages="all:100,code-fitting:200", max_time="1m").steps == 300
    assert resolved(stages="all:100,code-fitting", max_time="1m").steps is None


def test_a_stage_without_a_length_takes_what_the_steps_leave() -> None:
    def lengths(**changes: Any) -> tuple[list[int | None], int | None]:
        config = resolved(**changes)
        assert resolve_config(config, installed_plugins()) == config
        return [stage.steps for stage in config.stages or ()], config.steps

    assert lengths(stages="all,code-fitting:3", steps=10) == ([7, None], 10)
    assert lengths(stages="all:2,autoencoder,code-fitting:3", steps=10) == ([2, 5, None], 10)
    assert lengths(stages="all,code-fitting:3") == ([1500, None], 1503)
    assert lengths(stages="all,code-fitting:3", max_time="1m") == ([1500, None], 1503)


def test_a_run_has_the_phases_of_its_stages() -> None:
    def names(**changes: Any) -> list[str]:
        return [choice.name for choice in resolved(**changes).phases]

    assert names(stages="autoencoder:100,code_fitting:200") == ["autoencoder", "code-fitting"]
    assert names(stages="all:100,code-fitting:200") == [
        "autoencoder",
        "code-matching",
        "prior-improvement",
        "code-fitting",
    ]
    # Others are those that components bring, which nobody knows yet.
    assert names(stages="autoencoder+energy:100") == ["autoencoder"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"stages": "all,code-fitting:3,energy"},
            r"--stages: stages 1 \(all\) and 3 \(energy\) have no length: only one may; give the others a length",
        ),
        (
            {"stages": "all,code-fitting:3", "steps": 3},
            r"--steps 3: .* those with a length take 3, which leaves none for all; use --steps N with N > 3",
        ),
        ({"stages": "all,code-fitting:3", "epochs": 2}, "--epochs 2: a run with stages .* is counted in steps"),
        ({"stages": []}, "--stages: expected a list of stages"),
        (
            {"stages": "all:1,code-fitting", "steps": 1},
            r"--steps 1: the run ends before its last stage \(code-fitting\)",
        ),
        ({"stages": "all:1,code-fitting", "epochs": 2}, "--epochs 2: a run with stages .* is counted in steps"),
        ({"stages": "all:6,code-fitting:6", "steps": 20}, "--steps 20: the stages all:6,code-fitting:6 have 12 steps"),
        ({"stages": [{"phases": "all", "learning-rate": 1}]}, "--stages: stage 1: learning-rate: extra inputs"),
        ({"stages": "all:3,code-fitting:0"}, "--stages: stage 2: steps: input should be greater than or equal to 1"),
        ({"stages": "autoencoder:9", "phases": "autoencoder,code-fitting"}, "--phases code-fitting: no stage uses"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        resolved(**changes)
    assert "\n" not in str(caught.value)


def test_stages_survive_a_file() -> None:
    tables = [
        {"phases": ["autoencoder"], "steps": 5, "batch_size": 8},
        {"phases": ["code-fitting"], "learning_rate": 0.1},
    ]
    config = resolved(stages=tables, steps=9)
    again = resolve_config(validate_settings(tomllib.loads(config_to_toml(config))), installed_plugins())
    assert again == config


def test_layers_of_settings_do_not_contradict_each_other() -> None:
    recipe = {
        "stages": [{"phases": ["autoencoder"], "steps": 5}, {"phases": ["code-fitting"], "steps": 5}],
        "steps": 10,
    }
    # Other stages bring their own length, and a length is that of the run.
    assert "steps" not in merge_settings(recipe, {"stages": "autoencoder:1,code-fitting:1"})
    prolonged = validate_settings(merge_settings(recipe, {"steps": 30}))
    assert (prolonged.steps, [stage.steps for stage in prolonged.stages or ()]) == (30, [5, None])
    assert validate_settings(merge_settings(recipe, {"batch_size": 7})).steps == 10
    # A stage that follows the run's length goes on following it.
    recipe = {"stages": "all,code-fitting:1", "steps": 10}
    prolonged = validate_settings(merge_settings(recipe, {"steps": 30}))
    assert (prolonged.steps, [stage.steps for stage in prolonged.stages or ()]) == (30, [None, 1])


def test_the_phases_of_a_table_may_be_text() -> None:
    assert Stage.model_validate({"phases": "autoencoder+energy"}).phases == ("autoencoder", "energy")
