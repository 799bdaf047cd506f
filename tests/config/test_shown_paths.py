import pytest

from priorkit.config import without_paths


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/home/ann/images", "images"),
        ("/home/ann/images/", "images"),
        (r"C:\Users\ann\images", "images"),
        ("C:/Users/ann/images", "images"),
        (r"\\server\share\ann\images", "images"),
        ("/", "/"),
        ("images/small", "images/small"),
        ("1/2", "1/2"),
        ("non-saturating", "non-saturating"),
        ("", ""),
        (4, 4),
        (None, None),
        (True, True),
    ],
)
def test_absolute_paths_are_their_last_part(given, expected):
    assert without_paths({"key": given}) == {"key": expected}


def test_tables_and_lists_are_looked_through_and_what_is_given_stays():
    given = {"phases": [{"name": "a", "file": "/x/ann/a.pt"}], "extractor": {"weights": {"at": "/x/ann/b.pt"}}}
    assert without_paths(given) == {
        "phases": [{"name": "a", "file": "a.pt"}],
        "extractor": {"weights": {"at": "b.pt"}},
    }
    assert given["phases"][0]["file"] == "/x/ann/a.pt"
