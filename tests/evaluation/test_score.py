import json

import pytest

from priorkit.evaluation import Score
from priorkit.evaluation.scorebook import Scorebook

ABOUT = {"name": "classifier", "weights": "ab", "resolution": 32}


def test_scores_are_plain_data() -> None:
    score = Score("frechet-distance", "classifier Fréchet distance", 3.5, None, ABOUT, 100, 50, 32, "a note")
    data = json.loads(json.dumps(score.as_data()))
    assert data == {
        "name": "frechet-distance",
        "label": "classifier Fréchet distance",
        "value": 3.5,
        "spread": None,
        "extractor": ABOUT,
        "samples": 100,
        "real": 50,
        "resolution": 32,
        "note": "a note",
        "references": {},
        "parts": {},
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_no_score(value: float) -> None:
    score = Score("psnr", "PSNR (dB)", value, 1.0, note="a note")
    assert score.skipped
    assert score.value is score.spread is None
    assert score.note.startswith(f"the result is {value}")
    assert score.note.endswith("; a note")
    assert "NaN" not in json.dumps(score.as_data())
    assert Score("psnr", "PSNR (dB)", 1.0, value).spread is None


@pytest.mark.parametrize(
    ("name", "short"), [("inception-score", "IS"), ("frechet-distance", "FID"), ("kernel-distance", "KID")]
)
def test_the_published_names_are_kept_for_the_published_network(name: str, short: str) -> None:
    book = Scorebook((name,), 32)
    book.add(name, 1.0, extractor=ABOUT, published=True)
    assert book.scores()[0].label == short
    for extractor in ("classifier", "torchscript", "inception"):
        book = Scorebook((name,), 32)
        book.add(name, 1.0, extractor={**ABOUT, "name": extractor})
        label = book.scores()[0].label
        assert label.startswith(f"{extractor} ")
        assert label not in ("IS", "FID", "KID")


def test_a_scorebook_keeps_what_is_wanted_once_and_in_order() -> None:
    book = Scorebook(("psnr", "ssim"), 32)
    book.add("ssim", 1.0)
    book.add("elbo", 2.0)
    book.skip(("psnr", "ssim", "elbo"), "a reason")
    book.add("psnr", 3.0)
    assert [(item.name, item.value, item.note) for item in book.scores()] == [
        ("psnr", None, "a reason"),
        ("ssim", 1.0, ""),
    ]


def test_nothing_is_missing_silently() -> None:
    with pytest.raises(AssertionError, match="psnr"):
        Scorebook(("psnr",), 32).scores()
