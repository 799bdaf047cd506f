"""Takes the docs' picture of a page of `priorkit explore`: `python docs/site/screenshot.py PAGE OUT.png`.

It needs selenium, Chromium and chromedriver. The picture shows the page as it opens, with a line drawn on the map.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from selenium import webdriver
from small_pictures import save_small

__all__ = ["take"]

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")
_DRAW = """
    const done = arguments[0];
    priorkit.then(async ({ items: [{ view }] }) => {
        await view.interpolate([-0.55, 0.35], [0.5, -0.4]);
        setTimeout(done, 1000);
    });
"""


def take(page: Path, width: int, height: int) -> Image.Image:
    """Returns a picture of the page's top, `width` x `height` pixels, taken when its networks run."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in (*_FLAGS, f"--window-size={width},{height}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(60)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(page.absolute().as_uri())
        driver.execute_async_script(_DRAW)
        return Image.open(io.BytesIO(driver.get_screenshot_as_png()))
    finally:
        driver.quit()


def main() -> None:
    """Reads the arguments, and saves the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1100)
    parser.add_argument("--height", type=int, default=1580)
    given = parser.parse_args()
    save_small(take(given.page, given.width, given.height), given.out, colours=128)


if __name__ == "__main__":
    main()
