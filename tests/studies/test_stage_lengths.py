import pytest

from priorkit.config import Stage
from priorkit.errors import ConfigurationError
from priorkit.studies.stage_lengths import stages_of_study

FLOW = {"stages": ["text-embedding:600", "autoencoder", "code-fitting:3000"], "steps": 7000}


def lengths(stages: list[Stage]) -> list[int | None]:
    return [stage.steps for stage in stages]


def test_stages_keep_their_shares_of_the_steps() -> None:
    assert lengths(stages_of_study(FLOW, {"steps": 700}, "figure14")) == [60, None, 300]
    assert lengths(stages_of_study(FLOW, {"steps": 14000}, "figure14")) == [1200, None, 6000]


def test_every_stage_has_a_step() -> None:
    assert lengths(stages_of_study(FLOW, {"steps": 3}, "figure14")) == [1, None, 1]
    with pytest.raises(ConfigurationError, match=r"--steps 2: figure14 trains in the stages .*give at least 3"):
        stages_of_study(FLOW, {"steps": 2}, "figure14")


def test_of_stages_that_all_have_a_length_the_last_takes_what_is_left() -> None:
    assert lengths(stages_of_study({"stages": ["autoencoder:30", "code-fitting:10"]}, {"steps": 8}, "x")) == [6, None]


def test_stages_are_counted_in_steps() -> None:
    with pytest.raises(ConfigurationError, match="--budget: figure14 trains in stages"):
        stages_of_study(FLOW, {"max_time": 60.0}, "figure14")
