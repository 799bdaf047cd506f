"""The page of watched runs in a real browser: what it shows while runs grow, vanish and are damaged."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chromium import Chromium, chromium
from priorkit.runs.training_lock import training_lock
from priorkit.watching import WatchServer

pytestmark = pytest.mark.whole

NAME = "<img src=x onerror=alert(1)>"
_STATES = """
    const named = (row) => [row.querySelector(".name span").textContent, row.querySelector(".state").textContent];
    return Object.fromEntries([...document.querySelectorAll("#runs li")].map(named));
"""
_CURVE = """
    const figures = [...document.querySelectorAll("figure.curves")];
    const figure = figures.find((each) => each.querySelector("figcaption").textContent === args[0]);
    return figure ? [figure.querySelectorAll("canvas").length, figure.querySelector(".values").textContent] : null;
"""
_CHOOSE = """
    const rows = [...document.querySelectorAll("#runs li")];
    rows.find((row) => row.querySelector(".name span").textContent === args[0]).querySelector("input").click();
"""
_PICTURES = """
    const images = [...document.querySelectorAll("#pictures img")];
    return images.filter((image) => image.complete && image.naturalWidth).map((image) => image.alt);
"""
_OVERFLOWS = "return document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as opened:
        yield opened


def seen(browser: Chromium, script: str, *arguments: object, until: Callable[[Any], bool]) -> Any:
    """What a script gives once it is as expected; the page asks every other second."""
    end = time.monotonic() + 60
    while not until(found := browser.run(script, *arguments)):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_what_the_page_shows_as_runs_change(
    browser: Chromium, serve: Callable[..., WatchServer], make_run: Callable[..., Path]
) -> None:
    first, second = make_run(NAME), make_run("second")
    row = {"step": 7, "images": 42, "seconds": 9.0, "loss/<b>x": 3.0, "symptom/<i>of-later": 1.0}
    with (first / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    server = serve()
    browser.resize(1200)
    browser.open(server.address)
    assert seen(browser, _STATES, until=bool) == {NAME: "complete", "second": "complete"}
    # The one that has changed last is chosen by itself.
    assert seen(browser, _CURVE, "<b>x", until=bool) == [1, "3, from 3 to 3"]
    both = seen(browser, _PICTURES, until=lambda names: len(names) == 2)
    assert both == [
        f"samples of {NAME} at step 6",
        f"held-out images, each above its reconstruction of {NAME} at step 6",
    ]
    words = browser.run("return document.body.innerText")
    assert "Step 7: <i>of-later 1" in words
    assert "of 6 steps" in words
    assert browser.run("return document.querySelectorAll('#chosen b, #chosen p i, #runs img').length") == 0

    # Curves grow, over each other.
    browser.run(_CHOOSE, "second")
    with training_lock(second):
        title = "Autoencoder: reconstruction"
        seen(browser, _CURVE, title, until=lambda found: found and f"{NAME}: " in found[1] and "second: " in found[1])
        with (second / "metrics.jsonl").open("a") as file:
            file.write('{"step": 8, "images": 48, "seconds": 9.5, "loss/autoencoder/reconstruction": 123.0}\n')
        seen(browser, _CURVE, title, until=lambda found: "second: 123, " in found[1])
        assert seen(browser, _STATES, until=lambda states: states["second"] == "running")[NAME] == "complete"
    shutil.copy(second / "samples" / "samples-00000006.png", second / "samples" / "samples-00000009.png")
    seen(browser, _PICTURES, until=lambda names: "samples of second at step 9" in names)

    # Whatever happens to a run is told in its row.
    (first / "config.toml").write_text("steps = ")
    seen(browser, _STATES, until=lambda states: states[NAME] == "unreadable")
    assert "config.toml' is not TOML" in browser.run("return document.body.innerText")
    shutil.rmtree(second)
    make_run("third")
    seen(browser, _STATES, until=lambda states: states == {NAME: "unreadable", "second": "gone", "third": "complete"})
    assert [width for width in (1200, 400) if browser.resize(width) or browser.run(_OVERFLOWS)] == []

    # A picture may be gone before it is asked for; nothing else is complained of, and nobody else is asked.
    assert [problem for problem in browser.problems() if "/picture/" not in problem] == []
    assert [url for url in browser.requests() if not url.startswith(server.address)] == []
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    seen(
        browser,
        "return document.querySelector('#trouble').innerText",
        until=lambda text: "start `priorkit watch`" in text,
    )
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": False})
    seen(browser, "return document.querySelector('#trouble').hidden", until=bool)


def test_reports_open_in_a_place_of_their_own(
    browser: Chromium, serve: Callable[..., WatchServer], make_run: Callable[..., Path]
) -> None:
    report = make_run() / "report.html"
    with report.open("a") as file:
        # As somebody else's report might.
        said = "() => { document.title = 'read'; }, () => { document.title = 'refused'; }"
        file.write(f"<script>fetch('/runs').then({said});</script>")
    server = serve()
    browser.open(server.address)
    seen(browser, _STATES, until=bool)
    browser.open(f"{server.address}report/1")
    assert seen(browser, "return document.querySelectorAll('.film.plays').length", until=bool) == 1
    assert seen(browser, "return document.title", until=lambda title: title in ("read", "refused")) == "refused"
    assert browser.run("return origin") == "null"
