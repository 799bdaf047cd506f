import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorkit.errors import ConfigurationError
from priorkit.plugins import is_component_name
from priorkit.scaffolding import PluginNames


def test_names_follow_from_the_component():
    names = PluginNames("student-t")
    assert (names.distribution, names.package) == ("priorkit-student-t", "priorkit_student_t")
    assert (names.module, names.class_prefix) == ("student_t", "StudentT")


@pytest.mark.parametrize(
    ("component", "suffix", "interface", "name"),
    [
        ("student-t", "Prior", "Prior", "StudentTPrior"),
        ("my-prior", "Prior", "Prior", "MyPrior"),
        ("prior", "Prior", "Prior", "PriorkitPrior"),
        ("reconstruction", "Loss", "ReconstructionLoss", "PriorkitReconstructionLoss"),
        ("3d", "Source", "DataSource", "Priorkit3dSource"),
    ],
)
def test_the_class_says_what_it_is_once_and_hides_no_interface(component, suffix, interface, name):
    assert PluginNames(component).class_named(suffix, interface) == name


@given(
    st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True).filter(lambda name: name != "plugins" and len(name) <= 40)
)
def test_every_name_of_a_component_gives_names_that_python_takes(component):
    names = PluginNames(component)
    assert names.package.isidentifier()
    for name in (names.package, f"{names.class_prefix}Options"):
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
    assert names.class_prefix[0].isupper()


@pytest.mark.parametrize("name", ["", "Student", "student_t", "-t", "t-", "a--b", "../up", "a b", "é", "prior\n", "²"])
def test_other_names_are_refused(name):
    assert not is_component_name(name)
    with pytest.raises(ConfigurationError, match="lower-case words of letters and digits, joined by single hyphens"):
        PluginNames(name)


def test_priorkits_own_package_is_not_hidden():
    with pytest.raises(ConfigurationError, match="the package priorkit_plugins is priorkit's own; choose another name"):
        PluginNames("plugins")


def test_a_name_has_room_in_a_line():
    assert PluginNames("x" * 40).module
    with pytest.raises(ConfigurationError, match=r"it has 41 characters, .*; choose a name of at most 40"):
        PluginNames("x" * 41)
