import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.cli.arguments import Parser, join_values, refuse_unknown
from priorkit.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given_", "joined"),
    [
        (["--a", "1", "learned"], ["--a=1", "learned"]),
        (["--a", "-1"], ["--a=-1"]),
        (["--a=1"], ["--a=1"]),
        (["--s", "learned"], ["--s=true", "learned"]),
        (["--s", "no", "learned"], ["--s=no", "learned"]),
        (["--no-s"], ["--s=false"]),
        (["--s", "YES"], ["--s=yes"]),
        (["--s"], ["--s=true"]),
        (["--other", "x"], ["--other", "x"]),
        (["--", "--a"], ["--a"]),
    ],
)
def test_values_are_tied_to_their_flags(given_, joined):
    assert join_values(given_, {"--a"}, {"--s"}) == joined


@settings(deadline=None)
@given(value=st.text(min_size=1))
def test_any_text_can_be_a_value(value):
    parser = Parser("test")
    parser.add_argument("--a")
    parser.add_argument("place", nargs="?")
    found = parser.parse_args(join_values(["--a", value, "here"], {"--a"}, set()))
    assert (found.a, found.place) == (value, "here")


def test_a_flag_without_its_value():
    with pytest.raises(ConfigurationError, match="--a needs a value"):
        join_values(["--a"], {"--a"}, set())


def test_unknown_arguments_are_named_with_the_nearest_known_one():
    with pytest.raises(ConfigurationError, match=r"unknown option --pror; did you mean '--prior'\?"):
        refuse_unknown(["--pror=1"], ["--prior", "--loss"], "priorkit train")
    refuse_unknown([], ["--prior"], "priorkit train")


def test_no_abbreviations():
    parser = Parser("test")
    parser.add_argument("--prior")
    assert parser.parse_known_args(["--pri", "x"])[1] == ["--pri", "x"]
