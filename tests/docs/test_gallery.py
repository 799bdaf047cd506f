"""The page of samples has every recipe."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"
GALLERY = DOCS / "pictures/gallery"
FACTS = json.loads((GALLERY / "facts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def builtin(site_module):
    return site_module("reference_pages").builtin_registry()


def test_every_recipe_is_there_and_nothing_else(builtin):
    recipes = {recipe.name for recipe in builtin.recipes()}
    assert set(FACTS) == recipes
    assert {picture.stem for picture in GALLERY.glob("*.png")} == recipes


@pytest.mark.parametrize("recipe", FACTS)
def test_a_recipe_has_32_samples_and_what_made_them(recipe):
    facts = FACTS[recipe]
    assert facts["train"].startswith(f"priorkit train {recipe} ")
    assert f" --out runs/{recipe}" in facts["train"]
    assert facts["sample"].startswith(f"priorkit sample runs/{recipe} ")
    assert facts["seconds"] > 0
    with Image.open(GALLERY / f"{recipe}.png") as picture:
        assert picture.mode == "P"
        # 8 columns of 4 rows, a line of one pixel between them; of 28x28 pixels, or of the digits' 16x16.
        assert picture.size in {(8 * 29 - 1, 4 * 29 - 1), (8 * 17 - 1, 4 * 17 - 1)}
        # The page says that began draws black.
        assert len(set(picture.convert("L").get_flattened_data())) > 2 or recipe == "began"


def test_what_has_no_encoder_has_no_error(builtin):
    without = {recipe.name for recipe in builtin.recipes() if recipe.settings.get("encoder") == "none"}
    assert {recipe for recipe, facts in FACTS.items() if facts["reconstruction_error"] is None} == without


def test_the_page_shows_them_in_cards(builtin, site_module):
    assert "<!-- generated: gallery -->\n" in (DOCS / "gallery.md").read_text(encoding="utf-8")
    text = site_module("gallery_page").gallery_of(builtin)
    for recipe in builtin.recipes():
        card = text.split(f"### `{recipe.name}` ")[1].split("\n### ")[0]
        assert f"(pictures/gallery/{recipe.name}.png)" in card
        assert f"(systems.md#recipe-{recipe.name})" in card
        words = re.sub(r"<[^>]+>", "", card)
        assert FACTS[recipe.name]["train"] in words
        assert FACTS[recipe.name]["sample"] in words


def test_a_recipe_without_samples_is_told(builtin, site_module, monkeypatch, tmp_path):
    module = site_module("gallery_page")
    (tmp_path / "facts.json").write_text(json.dumps({name: FACTS[name] for name in FACTS if name != "vae"}))
    monkeypatch.setattr(module, "_FACTS", tmp_path / "facts.json")
    with pytest.raises(KeyError, match="vae"):
        module.gallery_of(builtin)
