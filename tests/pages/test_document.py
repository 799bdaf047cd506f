import re

import pytest

from priorkit.pages import PageScript, html_page, packaged_text


def policy_of(page: str) -> dict[str, str]:
    found = re.search(r'http-equiv="Content-Security-Policy" content="(?P<policy>[^"]*)"', page)
    assert found is not None
    return dict(rule.strip().split(" ", 1) for rule in found["policy"].split(";"))


def test_a_page_may_load_nothing_from_elsewhere() -> None:
    policy = policy_of(html_page("a", "b", []))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'none'"
    assert not any(word in text for text in policy.values() for word in ("http", "*", "'self'"))
    assert "wasm" not in policy["script-src"]


def test_a_page_that_runs_code_still_may_ask_nobody() -> None:
    policy = policy_of(html_page("a", "b", [], runs_code=True))
    assert "'wasm-unsafe-eval'" in policy["script-src"]
    assert policy["connect-src"] == "'none'"


def test_only_a_served_page_asks_its_server() -> None:
    policy = policy_of(html_page("a", "b", [], asks_its_server=True))
    assert policy["connect-src"] == "'self'"


@pytest.mark.parametrize("script", PageScript)
def test_scripts_are_in_pages_that_need_them_alone(script: PageScript) -> None:
    code = packaged_text(f"static/{script.value}.js")
    assert code in html_page("a", "b", [], scripts=[script])
    assert code not in html_page("a", "b", [])


@pytest.mark.parametrize(
    "name", ["static/page.css", "static/curves.js", "static/film.js", "vendored/uPlot.iife.min.js"]
)
def test_packaged_files_can_be_inside_a_page(name: str) -> None:
    assert not re.search(r"</(script|style)", packaged_text(name))


def test_the_title_is_escaped() -> None:
    page = html_page("<b>", "<i>", [])
    assert "<title>&lt;b&gt;</title>" in page
    assert "<p>&lt;i&gt;</p>" in page
