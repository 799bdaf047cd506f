"""`priorkit diagnose`."""

import json
from pathlib import Path


def test_says_what_is_wrong_and_keeps_it(cli, trained: Path):
    result = cli("diagnose", trained, "--device", "cpu", "--samples", 100)
    assert (result.status, result.err) == (0, "")
    assert "  To try: " in result.out
    assert "\ntold apart by a classifier " in result.out
    assert "100 codes of the prior, 100 of held-out images and 100 of training images" in result.out
    assert f"kept in {trained / 'diagnosis.png'}" in result.out
    assert (trained / "diagnosis.png").read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in (trained / "report.html").read_text().partition("Prior and codes")[2]
    kept = json.loads((trained / "diagnosis.json").read_text())
    # Again, it takes the place of the first.
    result = cli("diagnose", trained, "--device", "cpu", "--samples", 100, "--json", "--seed", 1)
    (end,) = (json.loads(line) for line in result.out.splitlines())
    again = json.loads((trained / "diagnosis.json").read_text())
    assert end["told_apart"] == again["told_apart"]
    assert again["discrepancy"] != kept["discrepancy"]


def test_a_picture_elsewhere_is_not_overwritten(cli, trained: Path):
    Path("mine.png").write_text("mine")
    result = cli("diagnose", trained, "--device", "cpu", "--samples", 100, "--out", "mine.png")
    assert result.status == 2
    assert "mine.png already exists and is left as it is" in result.err
    assert not (trained / "diagnosis.json").exists()
    assert cli("diagnose", trained, "--device", "cpu", "--samples", 100, "--out", "mine.png", "--overwrite").status == 0
    assert Path("mine.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_is_one_line(cli, trained: Path):
    for arguments, told in (
        (["nowhere"], "no run 'nowhere'"),
        ([trained, "--samples", 5], "expected a whole number of at least 20"),
        ([trained, "--sample", 50], "--samples"),
        ([trained, "--out", "mine.txt"], "name a file that ends in .png"),
    ):
        result = cli("diagnose", *arguments)
        assert result.status == 2
        assert told in result.err
        assert result.err.count("\n") == 1
