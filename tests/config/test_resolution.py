"""From layers of settings to one checked configuration."""

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator

from priorkit.config import (
    DEFAULT_STEPS,
    ComponentChoice,
    RunConfig,
    component_options,
    merge_settings,
    resolve_config,
    validate_settings,
)
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.plugins import Component, Options
from priorkit.registry import LoadedPlugin, Registered, Registry, installed_plugins

REGISTRY = installed_plugins()
NAMED_OR_TABLE = "expected a name, or a table with the key `name`"

# What is given, and the whole of what is said about it.
BAD_RUNS: list[tuple[dict[str, Any], str]] = [
    ({"code_dim": 0}, "--code-dim: input should be greater than or equal to 1; given 0"),
    ({"code_dim": -3}, "--code-dim: input should be greater than or equal to 1; given -3"),
    (
        {"code_dim": "many"},
        '--code-dim: input should be a valid integer, unable to parse string as an integer; given "many"',
    ),
    ({"code_dim": 2.5}, "--code-dim: input should be a valid integer, got a number with a fractional part; given 2.5"),
    ({"code_dim": None}, "--code-dim: input should be a valid integer; given null"),
    ({"batch_size": 1}, "--batch-size: input should be greater than or equal to 2; given 1"),
    ({"image_size": 0}, "--image-size: input should be greater than or equal to 1; given 0"),
    ({"channels": 2}, "--channels: input should be 1 or 3; given 2"),
    ({"channels": "²"}, '--channels: input should be 1 or 3; given "²"'),
    ({"holdout": 1}, "--holdout: input should be less than 1; given 1"),
    ({"holdout": 0.0}, "--holdout: input should be greater than 0; given 0.0"),
    ({"optimizer": "adma"}, "--optimizer: input should be 'adam', 'adamw', 'rmsprop' or 'sgd'; given \"adma\""),
    ({"precision": "fp16"}, "--precision: input should be 'auto', 'float32' or 'bfloat16'; given \"fp16\""),
    ({"learning_rate": 0}, "--learning-rate: input should be greater than 0; given 0"),
    ({"learning_rate": float("inf")}, "--learning-rate: input should be a finite number; given Infinity"),
    ({"weight_decay": float("nan")}, "--weight-decay: input should be a finite number; given NaN"),
    ({"clip_norm": 0}, "--clip-norm: input should be greater than 0; given 0"),
    (
        {"clip_norm": "a\nb"},
        '--clip-norm: input should be a valid number, unable to parse string as a number; given "a\\nb"',
    ),
    (
        {"simultaneous": "maybe"},
        '--simultaneous: input should be a valid boolean, unable to interpret input; given "maybe"',
    ),
    ({"seed": -1}, "--seed: input should be greater than or equal to 0; given -1"),
    ({"seed": 2**63}, "--seed: input should be less than 9223372036854775808; given 9223372036854775808"),
    ({"device": "gpu"}, '--device: expected auto, cpu, cuda, cuda:N or mps; given "gpu"'),
    ({"max_time": "soon"}, '--max-time: expected a time such as 90s, 8m or 1h30m; given "soon"'),
    ({"max_time": 0}, "--max-time: expected a time such as 90s, 8m or 1h30m; given 0"),
    ({"max_time": [90]}, "--max-time: expected a time such as 90s, 8m or 1h30m; given [90]"),
    ({"steps": 0}, "--steps: input should be greater than or equal to 1; given 0"),
    ({"data_dir": "~nobody-here/x"}, '--data-dir: no user of this name has a home folder; given "~nobody-here/x"'),
    ({"learning_rates": 3}, "--learning-rates: input should be a table of options; given 3"),
    ({"learning_rates": {"encoder": -1}}, "--learning-rates.encoder: input should be greater than 0; given -1"),
    (
        {"learning_rates": {"regularizer": "fast"}},
        "--learning-rates.regularizer: input should be a valid number, unable to parse string as a number; "
        'given "fast"',
    ),
    (
        {"learning_rates": {"encodr": 1}},
        "--learning-rates.encodr: a run has no option 'encodr'; did you mean 'encoder'? "
        "Options: encoder, decoder, prior, regularizer, image-critic, recogniser.",
    ),
    ({"prior": 3}, f"--prior: {NAMED_OR_TABLE}; given 3"),
    ({"prior": None}, f"--prior: {NAMED_OR_TABLE}; given null"),
    ({"code_generator": ["mlp"]}, f"--code-generator: {NAMED_OR_TABLE}; given ['mlp']"),
    ({"prior": {"noise_dim": 3}}, f"--prior: {NAMED_OR_TABLE}; given {{'noise_dim': 3}}"),
    ({"prior": {"name": 3}}, f"--prior: {NAMED_OR_TABLE}; given {{'name': 3}}"),
    ({"code-dim": 3}, "--code-dim: a configuration spells the option 'code-dim' as 'code_dim'"),
]

BAD_COMPONENTS: list[tuple[dict[str, Any], str]] = [
    (
        {"prior": {"name": "learned", "noise_dim": 0}},
        "--prior.noise-dim: input should be greater than or equal to 1; given 0",
    ),
    (
        {"prior": {"name": "learned", "nose_dim": 3}},
        "--prior.nose-dim: prior 'learned' has no option 'nose-dim'; did you mean 'noise-dim'? Options: noise-dim, "
        "conditioning-augmentation.",
    ),
    (
        {"prior": {"name": "learned", "noise-dim": 3}},
        "--prior.noise-dim: a configuration spells the option 'noise-dim' as 'noise_dim'",
    ),
    # An option of one component is none of another.
    (
        {"prior": {"name": "gaussian", "noise_dim": 3}},
        "--prior.noise-dim: prior 'gaussian' has no option 'noise-dim'. Options: mean, std.",
    ),
    ({"dataset": {"name": "digits", "x": 1}}, "--dataset.x: dataset 'digits' has no option 'x'. Options: none."),
    (
        {"adversarial_loss": {"name": "non-saturating", "smoothing": 0.5}},
        "--adversarial-loss.smoothing: input should be less than 0.5; given 0.5",
    ),
    ({"prior": {"name": "gaussian", "mean": float("nan")}}, "--prior.mean: input should be a finite number; given NaN"),
    (
        {"loss": {"name": "pixel", "distance": "cubic"}},
        "--loss.distance: input should be 'squared', 'absolute' or 'cross-entropy'; given \"cubic\"",
    ),
    (
        {"encoder": {"name": "gaussian", "min_log_variance": 20}},
        "--encoder: min_log_variance is 20.0 and max_log_variance is 10.0: the minimum must be below the maximum; "
        "given {'min_log_variance': 20}",
    ),
    ({"prior": "gausian"}, "unknown prior 'gausian'; did you mean 'gaussian'?"),
    ({"prior": "pixel"}, "unknown prior 'pixel' ('pixel' goes with --loss)"),
]


@pytest.mark.parametrize(("given", "message"), BAD_RUNS, ids=[message.partition(":")[0] for _, message in BAD_RUNS])
def test_what_is_said_about_a_bad_setting(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        validate_settings(given)
    assert str(error.value) == message
    # The same goes for settings that came through layers.
    with pytest.raises(ConfigurationError) as error:
        validate_settings(merge_settings(merge_settings({"log_every": 5}, given), {"log_every": 6}))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("given", "message"), BAD_COMPONENTS, ids=[message.partition(":")[0] for _, message in BAD_COMPONENTS]
)
def test_what_is_said_about_a_bad_component(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        resolve_config(validate_settings(given), REGISTRY)
    text = str(error.value)
    assert text == message or (isinstance(error.value, UnknownComponentError) and text.startswith(message))
    assert "\n" not in text


def test_what_is_said_about_an_unknown_setting() -> None:
    with pytest.raises(ConfigurationError) as error:
        validate_settings({"code_dmi": 3})
    start = "--code-dmi: a run has no option 'code-dmi'; did you mean 'code-dim'? Options: prior, code-generator, "
    assert str(error.value).startswith(start)
    for name in RunConfig.model_fields:
        assert f" {name.replace('_', '-')}" in str(error.value)


def test_of_several_mistakes_one_is_explained() -> None:
    with pytest.raises(ConfigurationError, match=r"^--code-dim: [^;]*; given 0$"):
        validate_settings({"steps": 0, "code_dim": 0})


class Band(BaseModel, extra="forbid"):
    low: float = Field(0.0, description="lower end")


class BandedOptions(Options):
    """Options of the kinds that plug-ins might think of."""

    band: Band = Band()
    bands: tuple[Band, ...] = Field((), description="more of them")
    either: int | float = Field(1, description="a number")
    many: tuple[int, ...] = Field((), description="numbers")
    checked: str = Field("x", description="checked in several lines")

    @field_validator("checked")
    @classmethod
    def _check(cls, value: str) -> str:
        if value != "x":
            raise ValueError("it must be\n  x")
        return value


def banded(**options: Any) -> Options:
    component = Component("banded", BandedOptions, lambda *_: None, "a component", "a test")
    return component_options(Registered(component, "prior", "acme", "1.0"), options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checked": "y"}, '--prior.checked: it must be x; given "y"'),
        (
            {"band": {"low": "x"}},
            "--prior.band.low: input should be a valid number, unable to parse string as a number",
        ),
        ({"band": {"lo": 1}}, "--prior.band.lo: prior 'banded' has no option 'lo'; did you mean 'low'? Options: low."),
        ({"bands": [{"lo": 1}]}, "--prior.bands: extra inputs are not permitted; given 1"),
        ({"band": 3}, "--prior.band: input should be a table of options; given 3"),
        ({"either": "x"}, "--prior.either: input should be a valid "),
        ({"many": [1, "x"]}, "--prior.many: input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_options_of_other_kinds(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        banded(**options)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


LEARNED = {"name": "learned", "noise_dim": 3}


@pytest.mark.parametrize(
    ("lower", "upper", "merged"),
    [
        ({}, {}, {}),
        ({"steps": 3}, {}, {"steps": 3}),
        ({"steps": 3}, {"steps": 4, "seed": 1}, {"steps": 4, "seed": 1}),
        ({"steps": 3}, {"steps": None}, {"steps": None}),
        # Another component: what belonged to the old one goes.
        ({"prior": LEARNED}, {"prior": "gaussian"}, {"prior": {"name": "gaussian"}}),
        ({"prior": LEARNED}, {"prior": {"name": "gaussian", "std": 2}}, {"prior": {"name": "gaussian", "std": 2}}),
        # The same component, or none named: options are merged.
        ({"prior": LEARNED}, {"prior": "learned"}, {"prior": LEARNED}),
        ({"prior": LEARNED}, {"prior": {"name": "learned", "hidden": 5}}, {"prior": {**LEARNED, "hidden": 5}}),
        ({"prior": LEARNED}, {"prior": {"hidden": 5}}, {"prior": {**LEARNED, "hidden": 5}}),
        ({"prior": LEARNED}, {"prior": {"noise_dim": 5}}, {"prior": {**LEARNED, "noise_dim": 5}}),
        ({"prior": "learned"}, {"prior": {"hidden": 5}}, {"prior": {"name": "learned", "hidden": 5}}),
        ({}, {"prior": "learned"}, {"prior": {"name": "learned"}}),
        ({}, {"prior": {"hidden": 5}}, {"prior": {"hidden": 5}}),
        # One slot's component leaves the others alone.
        (
            {"prior": LEARNED, "encoder": {"name": "gaussian", "max_log_variance": 1}},
            {"prior": "gaussian"},
            {"prior": {"name": "gaussian"}, "encoder": {"name": "gaussian", "max_log_variance": 1}},
        ),
        (
            {"learning_rates": {"encoder": 1, "prior": 2}},
            {"learning_rates": {"encoder": 3}},
            {"learning_rates": {"encoder": 3, "prior": 2}},
        ),
        # What is no choice of a component is left for validation to complain about.
        ({"prior": LEARNED}, {"prior": 3}, {"prior": 3}),
        ({"prior": 3}, {"prior": "learned"}, {"prior": {"name": "learned"}}),
    ],
)
def test_layers(lower: dict[str, Any], upper: dict[str, Any], merged: dict[str, Any]) -> None:
    before = copy.deepcopy((lower, upper))
    assert merge_settings(lower, upper) == merged
    assert (lower, upper) == before


def test_choices_made_in_python_are_merged_like_tables() -> None:
    lower = {"prior": ComponentChoice(name="learned", options={"noise_dim": 3})}
    assert merge_settings(lower, {"prior": {"hidden": 5}}) == {"prior": {**LEARNED, "hidden": 5}}
    upper = {"prior": ComponentChoice(name="gaussian")}
    assert merge_settings(lower, upper) == {"prior": {"name": "gaussian"}}


def test_three_layers_end_in_one_configuration() -> None:
    recipe = {"prior": {"name": "learned", "noise_dim": 7}, "code_dim": 8}
    flags = {"prior": {"noise_dim": 5}, "learning_rates": {"encoder": "0.5"}}
    layers = merge_settings(merge_settings(RunConfig().model_dump(), recipe), flags)
    config = resolve_config(validate_settings(layers), REGISTRY)
    assert config.prior.options == {"noise_dim": 5, "conditioning_augmentation": 0.0}
    assert config.code_dim == 8
    assert config.learning_rates.encoder == 0.5
    assert config.batch_size == RunConfig().batch_size


def test_resolving_fills_in_every_default() -> None:
    config = resolve_config(RunConfig(prior={"name": "gaussian", "std": 2}), REGISTRY)
    assert config.prior.options == {"mean": 0.0, "std": 2.0}
    assert config.code_generator.options == {"hidden": None, "layers": 1, "output_norm": True}
    assert config.regularizer.options == {"weight": 1.0, "prior_weight": 0.0}
    assert config.steps == DEFAULT_STEPS
    # What is resolved depends on no default any more.
    assert resolve_config(config, REGISTRY) == config


@pytest.mark.parametrize(
    "length", [{"steps": 3}, {"epochs": 0.5}, {"max_time": "90s"}, {"steps": 3, "max_time": "90s"}]
)
def test_a_run_with_a_limit_gets_no_other(length: dict[str, Any]) -> None:
    config = resolve_config(validate_settings(length), REGISTRY)
    assert config.steps == length.get("steps")
    assert config.epochs == length.get("epochs")


def test_resolving_leaves_the_given_configuration_alone() -> None:
    config = RunConfig(prior={"name": "gaussian"})
    resolve_config(config, REGISTRY)
    assert config == RunConfig(prior={"name": "gaussian"})
    assert config.prior.options == {}


def test_options_belong_to_the_distribution_that_is_named() -> None:
    class FlowOptions(Options):
        depth: int = Field(4, description="how many layers")

    other = Component("gaussian", FlowOptions, lambda *_: None, "a component", "a test")
    acme = LoadedPlugin("plugin", "acme", "1.0", (("prior", other),), ())
    registry = Registry([*REGISTRY.plugins, acme])
    config = resolve_config(RunConfig(prior="acme:gaussian"), registry)
    assert config.prior == ComponentChoice(name="acme:gaussian", options={"depth": 4})
    assert resolve_config(RunConfig(prior="priorkit:gaussian"), registry).prior.options == {"mean": 0.0, "std": 1.0}


def test_the_folder_of_the_data_is_found_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = resolve_config(RunConfig(data_dir="images"), REGISTRY)
    assert config.data_dir == tmp_path / "images"
    monkeypatch.chdir(tmp_path.parent)
    assert resolve_config(config, REGISTRY) == config


@pytest.mark.parametrize("upper", [{"epochs": 2}, {"steps": 5}, {"max_time": "9s"}, {"steps": 5, "epochs": 2}])
def test_new_limits_replace_all_limits_below(upper: dict[str, Any]) -> None:
    lower = {"steps": 3, "max_time": "90s", "seed": 1}
    assert merge_settings(lower, upper) == {"seed": 1, **upper}
    assert merge_settings(lower, {"steps": None}) == {"seed": 1, "steps": None, "max_time": "90s"}


def test_a_list_of_components_is_merged() -> None:
    listed = {"phases": ["a", {"name": "b", "x": 1}]}
    b = {"name": "b", "x": 1}
    for names in ("c,b", ["c", "b"], ("c", {"name": "b"})):
        assert merge_settings(listed, {"phases": names})["phases"] == [{"name": "c"}, b]
    for below in ("a,b", ["a", "b"]):
        found = merge_settings({"phases": below}, {"phases": {"b": {"x": 2}}})["phases"]
        assert found == [{"name": "a"}, {"name": "b", "x": 2}]
    # Without a list below, it is the default's that changes.
    default = [choice.name for choice in RunConfig().phases]
    changed = merge_settings({}, {"phases": {default[0]: {"x": 2}}})["phases"]
    assert changed == [{"name": default[0], "x": 2}, *({"name": name} for name in default[1:])]
    with pytest.raises(
        ConfigurationError, match=r"--phases.c: 'c' is not among the phases of this run, which are a, b;"
    ):
        merge_settings({"phases": "a,b"}, {"phases": {"c": {}}})
    with pytest.raises(ConfigurationError, match=r"--phases.a: expected a table of options, given 3"):
        merge_settings({"phases": "a,b"}, {"phases": {"a": 3}})
