"""The page of a sweep in a real browser: charts that fit, and a note beside every point."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import Chromium, chromium
from priorkit.sweeps import Sweep, SweptTrial, parse_objectives, write_sweep_report

pytestmark = pytest.mark.whole

_NAME = "<img src=x onerror=alert(1)>"
_NOTES = """
    for (const figure of document.querySelectorAll("figure.curves")) {
      figure.scrollIntoView();
      while (!figure.querySelector(".u-over")) await new Promise(requestAnimationFrame);
    }
    const notes = [];
    for (const over of document.querySelectorAll(".u-over")) {
      over.scrollIntoView();
      const { left, top, width, height } = over.getBoundingClientRect(), found = new Set();
      for (let x = 0; x < width; x += 4) for (let y = 0; y < height; y += 4) {
        over.dispatchEvent(new MouseEvent("mousemove", { clientX: left + x, clientY: top + y, view: window }));
        const note = over.querySelector(".note");
        if (!note.hidden) found.add(note.textContent.split("\\n")[0]);
      }
      notes.push([...found].sort());
    }
    return notes;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("width", [400, 1200])
def test_every_trial_has_a_note_in_every_chart(browser: Chromium, tmp_path: Path, width: int) -> None:
    trials = []
    for number in range(6):
        params = {"learning_rate": f"1e-{number + 1}", "networks": _NAME if number % 2 else "mlp", "batch_size": "64"}
        figures = {"sample_distance": 1 / (number + 1), "seconds": 10.0 ** (number % 3)}
        trials.append(SweptTrial(number, "complete", params, tuple(figures.values()), figures, tmp_path / f"{number}"))
    sweep = Sweep(tmp_path, parse_objectives("sample_distance,seconds"), tuple(trials))
    browser.resize(width)
    browser.open(write_sweep_report(sweep))
    assert browser.run(_NOTES) == [[f"trial {number}" for number in range(6)]] * 5
    assert not browser.run("return document.documentElement.scrollWidth > innerWidth")
    assert browser.run("return document.images.length") == 0
    assert browser.problems() == []
