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


@pytest.mark.parametrize("stages", [["a:97", "b:1", "c"], ["a", "b:1", "c:97", "d:1"], ["a:98", "b:1", "c:1"]])
def test_the_others_leave_a_step(stages: list[str]) -> None:
    for steps in range(len(stages), 300):
        made = lengths(stages_of_study({"stages": stages, "steps": 100}, {"steps": steps}, "x"))
        assert all(length is None or length >= 1 for length in made)
        assert made.count(None) == 1
        assert sum(length or 0 for length in made) < steps


@pytest.mark.parametrize("recipe", [{}, {"steps": 1000}])
def test_lengths_without_a_known_share_are_kept_where_they_fit(recipe: dict[str, int]) -> None:
    recipe = {"stages": ["a:2000", "b"], **recipe}
    assert lengths(stages_of_study(recipe, {"steps": 2001}, "x")) == [2000, None]
    for steps in (2, 1000, 2000):
        with pytest.raises(ConfigurationError, match=rf"--steps {steps}: x trains in .* give at least 2001, or other"):
            stages_of_study(recipe, {"steps": steps}, "x")


def test_of_stages_that_all_have_a_length_the_last_takes_what_is_left() -> None:
    assert lengths(stages_of_study({"stages": ["autoencoder:30", "code-fitting:10"]}, {"steps": 8}, "x")) == [6, None]


def test_stages_are_counted_in_steps() -> None:
    with pytest.raises(ConfigurationError, match="--budget: figure14 trains in stages"):
        stages_of_study(FLOW, {"max_time": 60.0}, "figure14")
