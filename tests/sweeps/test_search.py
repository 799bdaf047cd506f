import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorkit.errors import ConfigurationError
from priorkit.sweeps import SearchedOption, parse_search, search_of


def test_commas_part_options_and_choices():
    found = parse_search(["learning_rate=1e-4..1e-2,networks.width=16,32,64,prior=learned,vampprior", "average=0..1"])
    assert found == (
        SearchedOption("learning_rate", low=1e-4, high=1e-2, log=True),
        SearchedOption("networks.width", ("16", "32", "64")),
        SearchedOption("prior", ("learned", "vampprior")),
        SearchedOption("average", low=0, high=1, whole=True),
    )


@pytest.mark.parametrize("written", ["prior.noise-dim", "prior.noise_dim", "--prior.noise-dim"])
def test_names_are_spelled_as_everywhere(written):
    assert parse_search([f"{written}=2..4"])[0].path == ("prior", "noise_dim")


@pytest.mark.parametrize(
    ("text", "log", "whole"),
    [
        ("x=1..99", False, True),
        ("x=1..100", True, True),
        ("x=1..100@linear", False, True),
        ("x=2..3@log", True, True),
        ("x=0..1000", False, True),
        ("x=-5..5", False, True),
        ("x=0.1..1", False, False),
        ("x=1e-3..1", True, False),
    ],
)
def test_scales(text, log, whole):
    (found,) = parse_search([text])
    assert (found.log, found.whole) == (log, whole)


def test_values_with_dots_of_paths_are_choices():
    assert parse_search(["data=../a,../b"])[0].choices == ("../a", "../b")


@given(st.lists(st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True), min_size=1, max_size=4, unique=True))
def test_what_is_written_is_read_again(values):
    (option,) = parse_search([f"networks.width={','.join(values)}"])
    assert option.choices == tuple(values)
    assert parse_search([str(option)]) == (option,)


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e4))
def test_ranges_are_written_so_that_they_are_read_again(low, times):
    option = SearchedOption("x", low=low, high=low * times, log=times > 5)
    assert parse_search([str(option)]) == (option,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("16,32", "'16' names no option"),
        ("x=2..1", "the first number must be less"),
        ("x=1..1", "the first number must be less"),
        ("x=1..inf", "both finite"),
        ("x=a..b", "expected two numbers"),
        ("x=0..1@log", "a logarithmic scale needs numbers above 0"),
        ("x=1..2@cubic", "unknown scale 'cubic'"),
        ("x=", "a value is missing"),
        ("x=1,,2", "a value is missing"),
        ("x=1,1", "a value is given twice"),
        ("x y=1,2", "not the name of an option"),
        ("x=1,2,x=3,4", "the option is searched twice"),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(ConfigurationError, match=message) as refused:
        parse_search([text])
    assert "\n" not in str(refused.value)


def test_from_python():
    found = search_of({"learning_rate": "1e-4..1e-2", "networks.width": [16, 32], "simultaneous": (True, False)})
    assert [item.choices for item in found] == [(), ("16", "32"), ("yes", "no")]
    assert search_of("x=1..2") == search_of(["x=1..2"])
    with pytest.raises(ConfigurationError, match="something to vary"):
        search_of({})
