"""The frame of a page: its design, its scripts, and a policy that forbids browsers to load anything from elsewhere."""

from collections.abc import Sequence
from enum import Enum
from functools import cache
from importlib import resources

from priorkit.pages.markup import Html

__all__ = ["PageScript", "html_page", "packaged_text"]

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'{scripts}; style-src 'unsafe-inline'; img-src data: blob:{images}; "
    "connect-src {connections}; base-uri 'none'; form-action 'none'"
)

_PAGE = Html("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
{head}
<title>{title}</title><style>{style}</style></head><body>
<header><h1>{title}</h1><p>{lead}</p></header>
<main>
{parts}
</main>
<footer>Made by <a href="https://pypi.org/project/priorkit/">priorkit</a>.</footer>
{scripts}
</body></html>
""")


class PageScript(Enum):
    """A script of priorkit's pages, with the library that it needs, if any."""

    CURVES = "curves"
    """Draws curves and scatter charts with uPlot."""

    FILM = "film"
    """Plays the pictures of a training."""


@cache
def packaged_text(name: str, package: str = "priorkit.pages") -> str:
    """Reads a text file of a package, such as `static/page.css`."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def html_page(
    title: str,
    lead: str,
    parts: Sequence[Html],
    *,
    scripts: Sequence[PageScript] = (),
    own_scripts: Sequence[str] = (),
    own_style: str = "",
    head: Html | None = None,
    runs_code: bool = False,
    asks_its_server: bool = False,
) -> Html:
    """Returns a self-contained page.

    Args:
        title: The page's title.
        lead: A sentence below the title.
        parts: Its sections.
        scripts: The scripts of priorkit that it needs.
        own_scripts: Scripts of this page alone, as modules, in this order.
        own_style: Style of this page alone.
        head: Further HTML for the head.
        runs_code: Whether scripts may compile WebAssembly and import modules that the page contains.
        asks_its_server: Whether scripts may send requests to the page's server.
    """
    style = packaged_text("static/page.css")
    code = []
    if PageScript.CURVES in scripts:
        style += packaged_text("vendored/uPlot.min.css")
        code.append(packaged_text("vendored/uPlot.iife.min.js"))
    code += [packaged_text(f"static/{script.value}.js") for script in scripts]
    policy = _POLICY.format(
        scripts=" 'wasm-unsafe-eval' data: blob:" if runs_code else "",
        images=" 'self'" if asks_its_server else "",
        connections="'self'" if asks_its_server else "'none'",
    )
    module = Html('<script type="module">{}</script>').format(Html("".join(own_scripts))) if own_scripts else Html("")
    return _PAGE.format(
        policy=Html(policy),
        head=head or Html(""),
        title=title,
        style=Html(style + own_style),
        lead=lead,
        parts=Html("\n").join(parts),
        scripts=Html("").join(Html("<script>{}</script>\n").format(Html(text)) for text in code) + module,
    )
