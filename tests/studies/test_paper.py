import pytest

from priorkit.errors import ConfigurationError
from priorkit.figures import spelled_out
from priorkit.studies import PAPER_STUDIES, find_study


def scores(name):
    return {system.name: system.score for system in find_study(name).systems}


def test_the_figures_are_those_of_the_text():
    # Section IV: 2.15 and 3.00 for AAE and VAE, 6.52 for the proposed model; 3.69 with A and B.
    assert scores("table1") == {"aae": 2.15, "vae": 3.00, "vampprior": None, "learned": 6.52}
    assert scores("table3") == {"baseline": 2.15, "a": None, "ab": 3.69, "abc": 6.52}


def test_what_the_text_does_not_state_is_not_stated():
    table = find_study("table2")
    assert [system.remark for system in table.systems[:-1]] == ["not in the text"] * 4
    assert all(system.score is None for system in table.systems[:-1])


def test_the_ablation_switches_one_design_choice_on_after_another():
    settings = {system.name: (system.recipe, dict(system.settings)) for system in find_study("table3").systems}
    assert settings["a"] == ("aae", {"prior": "learned", "decoder_in_both_phases": False})
    assert settings["ab"] == ("learned", {"decoder_in_both_phases": False})
    assert settings["abc"] == ("learned", {"decoder_in_both_phases": True})


def test_code_sizes_are_those_of_the_figures():
    assert find_study("figure8").code_dims == {"mnist": 8, "cifar10": 64}
    assert find_study("figure9").code_dims == {"mnist": 100, "cifar10": 2000}


@pytest.mark.parametrize("study", PAPER_STUDIES, ids=lambda study: study.name)
def test_names_of_systems_are_names_of_folders(study):
    names = [system.name for system in study.systems]
    assert len(set(names)) == len(names)
    assert all(name and set(name) <= set("abcdefghijklmnopqrstuvwxyz-") for name in names)
    assert set(study.pictures) <= {"classes", "codes", "texts", "sweep"}


def test_the_texts_are_those_of_the_captions_of_figures_14_and_15():
    [swept] = find_study("figure15").texts["flowers102"]
    colours = ["pink", "red", "yellow", "orange", "purple", "blue", "white", "green", "black"]
    assert [told for told, _ in spelled_out(swept)] == colours
    expected = "the flower is pink in color and has petals that are rounded in shape and ruffled"
    assert spelled_out(swept)[0] == ("pink", expected)
    assert len(find_study("figure14").texts["flowers102"]) == 2


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(ConfigurationError, match="unknown study 'tabel3'; did you mean 'table3'"):
        find_study("tabel3")
