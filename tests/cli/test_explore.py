import json
from pathlib import Path

import pytest


@pytest.fixture
def run(run_of, tiny):
    return run_of("run", *tiny, "--dataset", "digits", "--steps", 2)


def test_a_page_is_written_into_the_run(cli, run):
    done = cli("explore", run, "--codes", 4)
    assert (done.status, done.err) == (0, "")
    assert "exporting the prior (takes minutes" in done.out
    assert "run/explore.html (5." in done.out.splitlines()[-1]
    text = Path("run/explore.html").read_text(encoding="utf-8")
    assert 'id="decoder-0"' in text
    assert "/tmp" not in text


def test_programs_are_told_what_the_page_holds(cli, run):
    done = cli("explore", run, "--codes", 4, "--weights", "none", "--out", "page.html", "--json")
    [end] = [json.loads(line) for line in done.out.splitlines()]
    assert end["out"] == "page.html"
    assert end["bytes"] == Path("page.html").stat().st_size
    assert end["runs"][0]["networks"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere"),
        (("run", "run"), "--out FILE.html"),
        (("run", "--out", "page.pdf"), "must end in .html"),
        (("run", "--weights", "int8"), "--weights"),
        (("run", "--codes", "1"), "--codes"),
        (("run", "--text", "a flower"), "not conditioned on texts"),
        (("run", "--colour", "red"), "--colour"),
    ],
)
def test_mistakes_are_one_line(cli, run, arguments, message):
    done = cli("explore", *arguments)
    assert done.status == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not Path("run/explore.html").exists()
