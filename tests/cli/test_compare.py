import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def two(run_of, tiny, trained):
    """Runs of two systems."""
    return [trained, run_of("plain", "aae", *tiny, "--steps", 2)]


def test_runs_side_by_side(cli, two):
    result = cli("compare", *two)
    assert (result.status, result.err) == (0, "")
    lines = {line.split()[0]: line.split() for line in result.out.splitlines() if line.strip()}
    assert lines["trained"][1:6] == ["digits", "learned", "adversarial", "perceptual", "32"]
    assert lines["plain"][1:6] == ["digits", "gaussian", "adversarial", "pixel", "16"]
    for name in ("curves.png", "samples.png"):
        with Image.open(Path("comparison") / name) as picture:
            assert picture.width > 200
    runs = json.loads(Path("comparison/comparison.json").read_text())["runs"]
    rows = [json.loads(line) for line in Path("plain/metrics.jsonl").read_text().splitlines()]
    assert runs[1]["held_out"]["sample_distance"] == rows[-1]["held_out/sample_distance"]
    assert "| plain | digits | gaussian |" in Path("comparison/comparison.md").read_text()


def keep(run, score, samples):
    last = json.loads(Path(run, "metrics.jsonl").read_text().splitlines()[-1])["step"]
    evaluation = {"checkpoint": f"step-{last:08d}", "settings": {"samples": samples}, "scores": [score]}
    Path(run, "scores.json").write_text(json.dumps({"evaluations": [evaluation]}))


def test_scores_that_do_not_compare_are_named(cli, two):
    score = {"name": "inception-score", "label": "classifier IS", "value": 3.25, "extractor": None}
    keep("trained", score, 10)
    keep("plain", score, 10)
    assert "not to be compared" not in cli("compare", *two).out
    keep("plain", {**score, "samples": 20}, 20)
    assert "cannot be compared: classifier IS" in " ".join(cli("compare", *two, "--overwrite").out.split())
    assert "cannot be compared: classifier IS" in Path("comparison/comparison.md").read_text()


def test_a_bar_in_a_name_is_no_column(cli, two):
    score = {"name": "elbo", "label": "KL(q || p)", "value": 3.25, "extractor": None}
    keep("plain", score, 10)
    assert cli("compare", *two).status == 0
    table = [
        line.replace(r"\|", "") for line in Path("comparison/comparison.md").read_text().splitlines() if "|" in line
    ]
    assert len({line.count("|") for line in table}) == 1


def test_a_picture_has_a_limit(cli, two):
    result = cli("compare", *two, "-n", "5000")
    assert (result.status, Path("comparison").exists()) == (2, False)
    assert "at most 1024 samples" in result.err


def test_scores_of_evaluations_are_columns(cli, two):
    score = {"name": "inception-score", "label": "classifier IS", "value": 3.25, "extractor": None}
    keep("plain", score, 10)
    result = cli("compare", *two, "--json")
    first, second, end = (json.loads(line) for line in result.out.splitlines())
    assert (first["scores"], second["scores"][0]["value"], end["event"]) == ([], 3.25, "end")
    assert "| classifier IS |" in Path("comparison/comparison.md").read_text()


def test_nothing_is_overwritten_unasked(cli, two):
    assert cli("compare", *two, "--quiet").status == 0
    before = Path("comparison/comparison.md").read_bytes()
    result = cli("compare", two[0])
    assert (result.status, Path("comparison/comparison.md").read_bytes()) == (2, before)
    assert "add --overwrite" in result.err
    assert cli("compare", two[0], "--overwrite").status == 0
    Path("comparison/notes.txt").write_text("mine")
    assert "also holds other files ('notes.txt')" in cli("compare", two[0], "--overwrite").err


def test_runs_of_one_name_are_told_apart(cli, trained):
    shutil.copytree(trained, "other/trained")
    out = cli("compare", trained, "other/trained", trained).out
    for name in ("trained (1)", "other/trained", "trained (2)"):
        assert f"\n{name} " in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the runs to compare"),
        (("nowhere",), "no run 'nowhere'"),
        (("trained", "-n", "0"), "expected a whole number of at least 1"),
        (("trained", "--outt", "x"), "did you mean '--out'?"),
    ],
)
def test_mistakes_are_told_in_one_line(cli, trained, arguments, message):
    result = cli("compare", *arguments)
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert message in result.err
    assert not Path("comparison").exists()


def test_without_matplotlib_the_page_has_the_curves(cli, trained, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    result = cli("compare", trained)
    assert (result.status, result.err) == (0, "")
    assert "no curves.png: " in result.out
    assert "pip install 'priorkit[figures]'" in result.out
    assert not Path("comparison/curves.png").exists()
    assert "Autoencoder: reconstruction" in Path("comparison/comparison.html").read_text()


def test_the_page_shows_scores_samples_curves_and_what_differs(cli, two):
    strange = shutil.move("plain", "<b>&plain")
    assert cli("compare", two[0], strange, "--quiet").status == 0
    page = Path("comparison/comparison.html").read_text()
    assert "<b>" not in page
    assert page.count('src="data:image/png;base64,') == 2
    assert "&lt;b&gt;&amp;plain</figcaption>" in page.replace(" <small>", "</figcaption>")
    cells = re.sub(r"<[^>]+>", "|", page.replace("\n", ""))
    for row in ("--prior||learned||gaussian", "--loss||perceptual||pixel", "--steps||4||2"):
        assert f"||{row}||" in cells
    assert "||--code-dim||" not in cells
    island = re.search(r'id="curves-0">(.*?)</script>', page)
    found = json.loads(island[1])
    assert (found["across"], found["names"]) == ("images seen", ["trained", "<b>&plain"])


def test_runs_that_do_not_differ(cli, trained):
    shutil.copytree(trained, "copy")
    assert cli("compare", trained, "copy", "--quiet").status == 0
    assert "Their configurations do not differ." in Path("comparison/comparison.html").read_text()
