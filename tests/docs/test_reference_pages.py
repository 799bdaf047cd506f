"""What the site generates: components, recipes, settings, commands."""

from importlib import import_module
from pathlib import Path

import pytest

from priorkit.cli import commands, picture
from priorkit.config import RunConfig, describe_fields
from priorkit.plugins import KINDS
from priorkit.testing.catalogue import CATALOGUE

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def pages(site_module):
    return site_module("reference_pages")


@pytest.fixture(scope="module")
def builtin(pages):
    return pages.builtin_registry()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slot)
def test_every_component_is_listed_with_its_options(kind, pages, builtin):
    text = pages.components_of(kind.slot, builtin)
    assert f"<!-- generated: components {kind.slot} -->" in (DOCS / "components.md").read_text(encoding="utf-8")
    assert text.count("### ") == len(builtin.components(kind.slot)) > 0
    for registered in builtin.components(kind.slot):
        assert f"### `{registered.component.name}` " in text
        path = (kind.slot, registered.component.name) if kind.several else (kind.slot,)
        options = describe_fields(registered.component.options, path)
        for item in options:
            row = next(line for line in text.splitlines() if line.startswith(f"| `{item.flag}` |"))
            # What stands in a cell does not end it.
            assert row.replace("\\|", "").count("|") == 5


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slot)
def test_every_check_of_the_kit_is_listed(kind, site_module):
    text = site_module("contracts").checks_of(kind.slot)
    assert f"<!-- generated: checks {kind.slot} -->" in (DOCS / "conformance.md").read_text(encoding="utf-8")
    rows = text.splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [check.name for check in CATALOGUE[kind.slot].checks]
    assert all(row.replace("\\|", "").count("|") == 4 for row in rows)


def test_components_of_others_are_not_listed(pages, tmp_path, monkeypatch):
    (tmp_path / "others.py").write_text("raise RuntimeError('nobody imports this')")
    about = tmp_path / "others-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[priorkit]\nothers = others\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert {plugin.distribution for plugin in pages.builtin_registry().plugins} == {"priorkit"}


def test_an_option_is_described_in_words(pages, builtin):
    rows = pages.components_of("prior", builtin).splitlines()
    assert "| `--prior.mean` | float | `0.0` | mean of every dimension of the code |" in rows
    (kind,) = [row for row in rows if row.startswith("| `--prior.kind` |")]
    assert "realnvp\\|coupling-nsf\\|maf\\|nsf | `realnvp`" in kind


def test_nothing_in_a_cell_is_markdown(pages):
    bounds = next(line for line in pages.settings_of_runs().splitlines() if line.startswith("| `code_dim` |"))
    assert "| int &gt;= 1, &lt;= 1000000 |" in bounds


PUBLIC = [page.stem for page in (DOCS / "api").glob("*.md")]


def test_public_packages_have_pages():
    assert {"priorkit", "config", "errors", "interfaces", "plugins", "runs", "testing"} <= set(PUBLIC)


@pytest.mark.parametrize("page", PUBLIC)
def test_a_page_lists_what_its_package_exports(page, site_module):
    package = "priorkit" if page == "priorkit" else f"priorkit.{page}"
    text = (DOCS / f"api/{page}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {package}\n")
    assert f"<!-- generated: api {package} -->" in text
    generated = site_module("public_names").names_of(package)
    for name in import_module(package).__all__:
        assert name == "__version__" or f"\n::: {package}.{name}" in generated


def test_papers_are_linked(pages, builtin):
    assert "[arXiv:1705.07120](https://arxiv.org/abs/1705.07120)" in pages.components_of("prior", builtin)


def test_every_recipe_is_listed_with_its_settings(pages, builtin):
    text = pages.recipes_of(builtin)
    for recipe in builtin.recipes():
        assert f"### `{recipe.name}` " in text
    assert 'prior = "vampprior"' in text or 'name = "vampprior"' in text
    systems = (DOCS / "systems.md").read_text(encoding="utf-8")
    assert "<!-- generated: recipes -->" in systems
    for recipe in builtin.recipes():
        assert f"`{recipe.name}`" in systems, "the table of recipes has every recipe"


def test_every_setting_of_a_run_is_listed(pages):
    text = pages.settings_of_runs()
    for item in describe_fields(RunConfig):
        assert f"| `{'.'.join(item.path)}` |" in text


def test_every_command_has_a_section():
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    for command in [*commands._COMMANDS, *(f"picture {kind}" for kind in picture._KINDS)]:
        assert f"# `{command}`\n" in text
        assert f"<!-- generated: help {command} -->\n" in text


def test_the_help_is_the_commands_own(site_module):
    help_of = site_module("command_help").help_of
    assert "usage: priorkit COMMAND" in help_of("")
    text = help_of("picture tsne")
    assert text.startswith("```text\nusage: priorkit picture tsne")
    assert "--perplexity" in text


def test_the_roots_pages_lead_to_the_sites(site_module):
    as_page = site_module("root_pages").as_page
    assert as_page("[a](docs/data.md), [b](CONTRIBUTING.md#rules)") == "[a](data.md), [b](contributing.md#rules)"
    assert as_page("see [a](examples/x.toml)") == "see a (`examples/x.toml`)"
    assert as_page("see [`examples/x`](examples/x)") == "see `examples/x`"
    assert as_page('<img src="docs/pictures/a.png">') == '<img src="pictures/a.png">'
    for as_it_is in ("[a](https://x.org/docs/)", "[a](#b)"):
        assert as_page(as_it_is) == as_it_is


def test_the_picture_of_the_phases_is_the_scripts(site_module):
    assert (DOCS / "phases.svg").read_text(encoding="utf-8") == site_module("draw_phases").drawing()


def test_the_concepts_name_every_kind_and_what_is_chosen_by_default():
    concepts = (DOCS / "concepts.md").read_text(encoding="utf-8")
    defaults = {field.path: field.default for field in describe_fields(RunConfig)}
    for kind in KINDS:
        (row,) = [line for line in concepts.splitlines() if line.startswith(f"| [{kind.title}](components.md#")]
        assert row.endswith(f"| `{defaults[(kind.slot,)]}` |")


def test_an_options_name_stays_in_one_piece(site_module):
    whole_words = site_module("whole_words").whole_words
    assert whole_words("<p><code>--prior.noise-dim</code>") == '<p><code class="word">--prior.noise-dim</code>'
    for as_it_is in ("<code>priorkit train vae</code>", f"<code>{'a' * 40}</code>", "<pre><code><span>a</span></code>"):
        assert whole_words(as_it_is) == as_it_is


def test_the_site_has_its_own_copy_of_what_its_search_needs():
    settings = (DOCS / "site/mkdocs.yml").read_text(encoding="utf-8")
    assert "\n  - offline\n" in settings
    assert "\n    - iframe-worker.js\n" in settings
    assert "window.IFrameWorker" in (DOCS / "iframe-worker.js").read_text(encoding="utf-8")
