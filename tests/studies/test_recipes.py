import pytest

from priorkit.errors import ConfigurationError
from priorkit.studies import study_of_recipes


def test_each_recipe_is_a_system(registry):
    study = study_of_recipes(["vae", "aae"], registry)
    assert [(system.name, system.recipe) for system in study.systems] == [("vae", "vae"), ("aae", "aae")]
    assert study.name == "vae-aae"


@pytest.mark.parametrize(
    ("names", "message"), [([], "name the recipes"), (["vae", "vae"], "named twice"), (["vea"], "did you mean 'vae'")]
)
def test_what_is_no_comparison(registry, names, message):
    with pytest.raises(ConfigurationError, match=message):
        study_of_recipes(names, registry)
