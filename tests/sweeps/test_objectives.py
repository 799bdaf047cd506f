import pytest

from priorkit.errors import ConfigurationError
from priorkit.evaluation import CATALOGUE
from priorkit.sweeps import parse_objectives


def test_directions_follow_from_the_figures():
    found = parse_objectives(["sample_distance,seconds", "inception_score", "frechet-distance", "active-units@max"])
    assert [str(item) for item in found] == [
        "sample_distance@min",
        "seconds@min",
        "inception-score@max",
        "frechet-distance@min",
        "active-units@max",
    ]
    assert [item.score for item in found] == [None, None, "inception-score", "frechet-distance", "active-units"]
    assert [item.reviewed for item in found] == [True, False, False, False, False]


def test_better():
    low, high = parse_objectives("seconds,elbo")
    assert low.better(1, 2)
    assert high.better(2, 1)


@pytest.mark.parametrize("listed", CATALOGUE, ids=lambda item: item.name)
def test_every_score_has_the_direction_that_its_page_says(listed, request):
    page = (request.config.rootpath / "docs/scores.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `") and f"`{listed.name}`" in line.split("|")[1]]
    said = row.split("|")[2].strip()
    if not said:
        with pytest.raises(ConfigurationError, match="write @min or @max"):
            parse_objectives(listed.name)
        return
    (objective,) = parse_objectives(listed.name)
    assert objective.direction == ("minimize" if said.startswith("low") else "maximize")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample_distanc", "did you mean 'sample_distance'"),
        ("seconds,seconds", "it is given twice"),
        ("seconds@up", "unknown direction 'up'"),
        (",", "name a figure"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_objectives(text)
