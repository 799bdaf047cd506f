"""Pages in a real browser: what they compute, what they show, and that they ask nobody."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from chromium import Chromium, chromium
from priorkit.data import to_uint8
from priorkit.exploring import WrittenPage, explore
from priorkit.runs import Run

pytestmark = pytest.mark.whole

_COLOURS = """
    const found = document.querySelector(args[0]).getContext("2d").getImageData(0, 0, 999, 999).data;
    return new Set(found).size;
"""
_FIRST_ROW = """
    const rows = [...document.querySelector("#sampler").children].filter((each) => each.tagName === "DIV");
    return rows.findIndex((each) => each.className === "sampled") + 1;
"""
_PIXELS = """
    const canvas = document.querySelector(args[0]);
    return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
"""
_CHOOSE = """
    const { view, map } = (await priorkit).items[0];
    await view.choose(map.place(view.layout, args[0]));
"""
_IDLE = """
    const page = await priorkit;
    for (const { networks } of page.items) while (networks) {
        const last = networks.last;
        await last;
        await new Promise((done) => setTimeout(done, 30));
        if (networks.last === last) break;
    }
"""


def opened(browser: Chromium, page: WrittenPage) -> Chromium:
    browser.resize(1200)
    browser.open(page.path)
    browser.run(_IDLE)
    return browser


def image(browser: Chromium, selector: str, channels: int) -> Tensor:
    """The picture on a canvas: uint8 (C, H, W)."""
    pixels = torch.tensor(browser.run(_PIXELS, selector), dtype=torch.uint8)
    side = round((len(pixels) / 4) ** 0.5)
    return pixels.view(side, side, 4).permute(2, 0, 1)[:channels]


def test_the_page_loads_without_complaints_and_asks_nobody(browser: Chromium, page: WrittenPage) -> None:
    opened(browser, page)
    assert browser.run("return document.documentElement.dataset.ready") == "networks"
    assert browser.problems() == []
    assert browser.requests() == [page.path.absolute().as_uri()]


def test_browsers_compute_what_torch_does(browser: Chromium, page: WrittenPage) -> None:
    [found] = page.explorations
    model = found.run.model
    noise = model.noise(3, seed=5)
    opened(browser, page)
    codes = browser.run(
        "return [...await (await priorkit).codes(0, Float32Array.from(args[0]), 3)]", noise.flatten().tolist()
    )
    expected = model.codes_of(noise)
    torch.testing.assert_close(torch.tensor(codes).view_as(expected), expected, atol=1e-4, rtol=1e-4)
    for from_prior in (True, False):
        images = browser.run(
            "return [...await (await priorkit).decode(0, Float32Array.from(args[0]), 3, args[1])]",
            expected.flatten().tolist(),
            from_prior,
        )
        wanted = model.decode(expected, from_prior=from_prior)
        torch.testing.assert_close(torch.tensor(images).view_as(wanted), wanted, atol=1e-4, rtol=1e-4)


def test_the_canvas_has_torchs_pixels(browser: Chromium, page: WrittenPage) -> None:
    [found] = page.explorations
    model = found.run.model
    opened(browser, page)
    place = found.noise.order[0]
    browser.run(
        """
        const slider = document.querySelector(`input[data-place="${args[0]}"]`);
        slider.value = 1.5;
        slider.dispatchEvent(new Event("input"));
        """,
        place,
    )
    browser.run(_IDLE)
    noise = torch.tensor(browser.run("return [...(await priorkit).sampler.noise]"))
    assert noise[place] == 1.5
    expected = to_uint8(model.decode(model.codes_of(noise.view(1, *found.noise.law.shape)), from_prior=True))[0]
    shown = image(browser, "canvas.now", found.run.shape.channels)
    assert (shown.int() - expected.int()).abs().max() <= 1


def test_sliders_move_the_picture(browser: Chromium, page: WrittenPage) -> None:
    opened(browser, page)
    before = image(browser, "canvas.now", 1)
    browser.run(
        """
        for (const slider of document.querySelectorAll(".sliders input")) {
            slider.value = 2.5;
            slider.dispatchEvent(new Event("input"));
        }
        """
    )
    browser.run(_IDLE)
    assert (image(browser, "canvas.now", 1).int() - before.int()).abs().max() > 2


def test_a_click_on_a_point_decodes_its_code(browser: Chromium, page: WrittenPage) -> None:
    [found] = page.explorations
    opened(browser, page)
    for index in (0, len(found.points.codes) - 1):
        browser.run(
            "const { view, map } = (await priorkit).items[0]; await view.choose(map.place(view.layout, args[0]));",
            index,
        )
        browser.run(_IDLE)
        from_prior = bool(found.points.from_prior[index])
        code = found.points.codes[index : index + 1]
        expected = to_uint8(found.run.model.decode(code, from_prior=from_prior))[0]
        shown = image(browser, "canvas.decoded", found.run.shape.channels)
        assert (shown.int() - expected.int()).abs().max() <= 1


def test_the_pointer_drags_interpolations(browser: Chromium, page: WrittenPage) -> None:
    action_chains = pytest.importorskip("selenium.webdriver").ActionChains
    opened(browser, page)
    field = browser.driver.find_element("css selector", "canvas.map")
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", field)
    drag = action_chains(browser.driver).move_to_element_with_offset(field, -150, -120).click_and_hold()
    drag.move_by_offset(20, 30).move_by_offset(200, 150).release().perform()
    browser.run(_IDLE)
    assert browser.run("return document.querySelectorAll('#map .strip canvas').length") == 8
    assert "straight line" in browser.run("return document.querySelector('#map [aria-live]').textContent")
    assert browser.problems() == []


def test_the_map_is_used_by_keyboard(browser: Chromium, page: WrittenPage) -> None:
    keys = pytest.importorskip("selenium.webdriver").Keys
    opened(browser, page)
    field = browser.driver.find_element("css selector", "canvas.map")
    field.send_keys(keys.ARROW_LEFT, keys.ARROW_UP, keys.ENTER)
    browser.run(_IDLE)
    assert "decoded" in browser.run("return document.querySelector('#map [aria-live]').textContent")
    field.send_keys("s", keys.ARROW_RIGHT, keys.ARROW_RIGHT, keys.ENTER)
    browser.run(_IDLE)
    assert browser.run("return document.querySelectorAll('#map .strip canvas').length") == 8


def test_classes_and_runs_stand_side_by_side(browser: Chromium, page_of_two: WrittenPage) -> None:
    supervised, plain = page_of_two.explorations
    opened(browser, page_of_two)
    assert browser.run("return document.querySelectorAll('canvas.now').length") == 2
    browser.run("[...document.querySelectorAll('#sampler .choice button')].at(-1).click()")
    browser.run(_IDLE)
    noise = torch.tensor(browser.run("return [...(await priorkit).sampler.noise]"))
    assert supervised.condition is not None
    last = len(supervised.condition.classes) - 1 - len(supervised.condition.untrained)
    for number, (found, s) in enumerate(((supervised, last), (plain, None))):
        model = found.run.model
        condition = None if s is None else model.class_conditions(torch.tensor([s]))
        count = torch.Size(found.noise.law.shape).numel()
        codes = model.codes_of(noise[:count].view(1, *found.noise.law.shape), condition)
        expected = to_uint8(model.decode(codes, from_prior=True))[0]
        row = number + browser.run(_FIRST_ROW)
        shown = image(browser, f".sampled:nth-of-type({row}) canvas.now", found.run.shape.channels)
        assert (shown.int() - expected.int()).abs().max() <= 1
    assert browser.problems() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_is_wider_than_the_window(
    browser: Chromium, page: WrittenPage, page_of_two: WrittenPage, width: int, scheme: str
) -> None:
    for each in (page, page_of_two):
        opened(browser, each)
        browser.prefer(scheme)
        browser.resize(width)
        assert browser.run("return document.documentElement.scrollWidth") <= width
        ground = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in ground[4:-1].split(",")) > 384) == (scheme == "light")
    browser.prefer("light")


def test_a_browser_without_webassembly_shows_the_pictures(page: WrittenPage, tmp_path: Path) -> None:
    crippled = tmp_path / "page.html"
    text = page.path.read_text(encoding="utf-8")
    without = "<script>delete globalThis.WebAssembly;</script><script"
    crippled.write_text(text.replace("<script", without, 1), encoding="utf-8")
    with chromium() as other:
        other.open(crippled)
        other.run("await priorkit")
        assert other.run("return document.documentElement.dataset.ready") == "pictures"
        assert other.run("return getComputedStyle(document.querySelector('#decoded-before')).display") != "none"
        assert "WebAssembly" in other.run("return document.querySelector('#sampler').textContent")
        # The map is there all the same, and shows small pictures.
        assert other.run(_COLOURS, "canvas.map") > 2
        other.run(_CHOOSE, 0)
        assert not other.run("return document.querySelector('canvas.original').hidden")
        assert other.problems() == []


def test_each_run_has_the_dimensions_of_its_own_condition(
    browser: Chromium, train_tiny: Callable[..., Run], tmp_path: Path
) -> None:
    infogan = train_tiny("infogan", condition={"continuous": 2})
    runs = [train_tiny("learned-supervised"), infogan]
    for number, order in enumerate((runs, runs[::-1])):
        opened(browser, explore(order, tmp_path / f"{number}.html", codes=4))
        browser.run(
            """
            const slider = document.querySelector(".condition .sliders input");
            slider.value = 1;
            slider.dispatchEvent(new Event("input"));
            """
        )
        browser.run(_IDLE)
        vectors = browser.run("return (await priorkit).sampler.able.map((item) => [...item.control.vectors(item, 2)]);")
        for run, found in zip(order, vectors, strict=True):
            rows = torch.tensor(found).view(2, -1)
            classes = run.model.classes
            assert run.model.condition is not None
            assert rows.shape[1] == run.model.condition.dim
            assert rows[:, :classes].sum(1).tolist() == [1, 1]
            assert rows[:, classes:].tolist() == ([[1, 0], [1, 0]] if run is infogan else [[], []])
        assert browser.problems() == []


def test_a_text_of_the_readers_own_conditions_samples(browser: Chromium, text_run: Run, tmp_path: Path) -> None:
    opened(browser, explore(text_run, tmp_path / "page.html", codes=4))
    browser.run(
        """
        const field = document.querySelector("input.own");
        field.value = "A bar in row 3, zorp";
        field.dispatchEvent(new Event("change"));
        """
    )
    browser.run(_IDLE)
    found = browser.run("const { able: [item] } = (await priorkit).sampler; return [...item.control.vectors(item, 1)];")
    expected = text_run.model.text_conditions(["A bar in row 3, zorp"])[0]
    torch.testing.assert_close(torch.tensor(found), expected, atol=1e-4, rtol=1e-4)
    assert "not known: zorp" in browser.run("return document.querySelector('.condition').textContent")
    assert browser.problems() == []


def test_keys_and_clicks_do_not_disturb_each_other(browser: Chromium, page: WrittenPage) -> None:
    keys = pytest.importorskip("selenium.webdriver").Keys
    opened(browser, page)
    field = browser.driver.find_element("css selector", "canvas.map")
    field.send_keys("s")
    field.click()
    field.send_keys(keys.ENTER)
    browser.run(_IDLE)
    assert browser.problems() == []
    assert browser.run("return document.querySelectorAll('#map .strip canvas').length") == 0
    assert browser.run(
        "const event = new KeyboardEvent('keydown', { key: 's', ctrlKey: true, cancelable: true });"
        "return document.querySelector('canvas.map').dispatchEvent(event);"
    )
