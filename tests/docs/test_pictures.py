"""The pages' pictures are there, small, and beside the commands that made them."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs/pictures"
TEXTS = {
    page: page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
SHOWN = [
    (page, target)
    for page, text in TEXTS.items()
    for target in re.findall(r'<img [^>]*src="([^"]+)"|!\[[^\]]*\]\(([^)]+)\)', text)
    for target in target
    if target
]


@pytest.fixture(scope="module")
def commands(site_module):
    return site_module("pictures_of_pages")


def test_pages_have_pictures():
    names = {page.name for page, _ in SHOWN}
    assert names >= {"README.md", "getting-started.md", "pictures.md", "diagnosis.md", "priors.md", "conditions.md"}


@pytest.mark.parametrize(("page", "target"), SHOWN, ids=lambda value: str(getattr(value, "name", value)))
def test_a_picture_stands_below_its_command(page, target, commands):
    path = (page.parent / target).resolve()
    assert path.exists()
    if path.parent == PICTURES:
        before = TEXTS[page].split(f'src="{target}"')[0]
        after = TEXTS[page].split(f'src="{target}"')[1][:600]
        assert commands.PICTURES[path.stem] in before[-900:] + after


def test_every_picture_is_drawn_by_a_command_and_shown(commands):
    assert {path.stem for path in PICTURES.glob("*.png")} == set(commands.PICTURES)
    assert {Path(target).stem for _, target in SHOWN} >= set(commands.PICTURES)


def test_the_runs_of_pictures_are_trained_on_pages(commands):
    for run, command in commands.RUNS.items():
        assert any(command in text for text in TEXTS.values()), run
    for command in commands.PICTURES.values():
        assert set(re.findall(r"runs/([\w-]+)", command)) <= set(commands.RUNS)


def test_pictures_say_what_they_show_and_how_wide_they_are():
    for text in TEXTS.values():
        for image in re.findall(r"<img [^>]*>", text):
            assert re.search(r' width="\d+"', image)
            assert re.search(r' alt="[^"]{20,}"', image)


def test_pictures_are_small():
    sizes = {path: path.stat().st_size for path in PICTURES.rglob("*.png")}
    assert sum(sizes.values()) < 1_500_000
    for path in sizes:
        with Image.open(path) as picture:
            assert picture.mode == "P"


def test_tiles_are_put_beside_each_other(site_module):
    images = np.stack([np.full((2, 3, 1), value, dtype=np.uint8) for value in (10, 20, 30)])
    whole = np.asarray(site_module("small_pictures").tiled(images, columns=2))
    assert whole.shape == (5, 7)
    assert whole[0, 0] == whole[1, 2] == 10
    assert whole[0, 4] == 20
    assert whole[3, 0] == 30
    assert whole[2, 0] == whole[0, 3] == whole[4, 6] == 255


def test_the_readme_for_pypi_has_addresses(site_module):
    with_addresses = site_module("pypi_readme").with_addresses
    text = with_addresses(TEXTS[ROOT / "README.md"], "https://github.com/somebody/priorkit", "v1")
    assert 'src="https://raw.githubusercontent.com/somebody/priorkit/v1/docs/pictures/samples.png"' in text
    assert "](https://github.com/somebody/priorkit/blob/v1/docs/gallery.md)" in text
    assert "](https://arxiv.org/abs/1909.04443)" in text
    targets = re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', text)
    assert all(address.startswith("https://") for target in targets for address in target if address)
    with pytest.raises(ValueError, match="no address of a repository"):
        with_addresses(text, "https://example.org/priorkit", "v1")
