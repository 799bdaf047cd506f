import pytest

from priorkit.errors import ConfigurationError


def test_systems_are_chosen_by_name_in_the_studys_order(study):
    assert study.chosen(()) == study.systems
    assert study.chosen(("ab", "aae")) == study.systems
    assert [system.name for system in study.chosen(("ab",))] == ["ab"]


def test_an_unknown_system_is_told_the_nearest(study):
    with pytest.raises(ConfigurationError, match=r"small has no system 'aee'; did you mean 'aae'\? .*: aae, ab\."):
        study.chosen(("aee",))
