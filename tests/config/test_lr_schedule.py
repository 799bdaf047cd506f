"""The settings of schedules of learning rates."""

from typing import Any

import pytest
from pydantic import ValidationError

from priorkit.cli.run_flags import parse_train_arguments
from priorkit.config import LRSchedule, RunConfig, Stage, config_to_toml, merge_settings, read_toml, validate_settings
from priorkit.errors import ConfigurationError
from priorkit.registry import installed_plugins


def test_a_name_is_a_table_of_defaults() -> None:
    assert RunConfig(lr_schedule="cosine").lr_schedule == LRSchedule(name="cosine")
    assert Stage.model_validate({"phases": ["autoencoder"], "lr_schedule": "step"}).lr_schedule == LRSchedule(
        name="step"
    )
    assert RunConfig().lr_schedule.constant
    assert not LRSchedule(warm_up=1).constant


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"name": "cosine", "every": 5}, "cosine has no option 'every'; its options are warm-up, length, final"),
        ({"name": "one-cycle", "warm_up": 5}, "one-cycle has no option 'warm-up'"),
        ({"name": "linear", "warm_up": 5, "length": 5}, "a warm-up of 5 steps must be shorter than the length of 5"),
        ({"name": "cosinus"}, "'constant', 'linear', 'cosine'"),
        ({"final": -1}, "greater than or equal to 0"),
    ],
)
def test_bad_schedules(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        LRSchedule.model_validate(settings)


def test_options_that_are_defaults_may_stand_in_a_file(tmp_path: Any) -> None:
    config = RunConfig(lr_schedule={"name": "step", "every": 3}, stages=[{"lr_schedule": {"name": "cosine"}}])
    file = tmp_path / "config.toml"
    file.write_text(config_to_toml(config), encoding="utf-8")
    assert validate_settings(read_toml(file)) == config


def test_another_schedule_leaves_the_options_of_the_former_behind() -> None:
    lower = {"lr_schedule": {"name": "step", "every": 7}}
    assert merge_settings(lower, {"lr_schedule": "cosine"})["lr_schedule"] == {"name": "cosine"}
    kept = merge_settings(lower, {"lr_schedule": {"factor": 0.1}})["lr_schedule"]
    assert kept == {"name": "step", "every": 7, "factor": 0.1}
    assert merge_settings({"lr_schedule": "step"}, {"lr_schedule": {"factor": 0.1}})["lr_schedule"]["name"] == "step"


def test_flags() -> None:
    registry = installed_plugins()
    given = parse_train_arguments(["vae", "--lr-schedule", "cosine", "--lr-schedule.warm-up", "5"], registry)
    assert validate_settings(given.settings).lr_schedule == LRSchedule(name="cosine", warm_up=5)
    with pytest.raises(ConfigurationError, match=r"^--lr-schedule: cosine has no option 'every'; its options are .*$"):
        parse_train_arguments(["vae", "--lr-schedule", "cosine", "--lr-schedule.every", "5"], registry)
    with pytest.raises(ConfigurationError, match="--lr-schedule: input should be 'constant', 'linear'"):
        parse_train_arguments(["vae", "--lr-schedule", "cosinus"], registry)
