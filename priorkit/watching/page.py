"""The HTML page that shows watched runs."""

from collections.abc import Sequence
from pathlib import Path

from priorkit.pages import Html, PageScript, html_page, packaged_text

__all__ = ["watch_page"]

_PACKAGE = "priorkit.watching"
_RUNS = Html("""
<p class="warning" id="trouble" role="status" hidden></p>
<section aria-label="Runs"><div class="controls"><h2>Runs</h2>
<input type="text" id="filter" placeholder="Find a run" aria-label="Find a run" hidden></div>
<p id="empty" hidden>No runs yet: they appear here when they start.</p><ul id="runs"></ul></section>
""")
_CHOSEN = Html("""
<div id="chosen" hidden><p id="sentence"></p>
<section id="pictures"><h2>Newest pictures</h2><div class="pictures"></div></section>
<section id="warnings" hidden><h2>Warnings</h2><div></div></section>
<section id="evaluated" hidden><h2>Evaluated</h2><div class="wide"></div></section>
<div class="controls" role="group" aria-label="Horizontal axis of the curves">
<button id="by-step" aria-pressed="true">By step</button>
<button id="by-images" aria-pressed="false">By images seen</button>
</div><div id="curves"></div></div>
""")


def watch_page(folders: Sequence[Path]) -> Html:
    """Returns the page without runs, which its script requests from the server.

    Args:
        folders: The watched folders.
    """
    return html_page(
        "Watching runs",
        f"Below {', '.join(map(str, folders))}, as they are now.",
        [_RUNS, _CHOSEN],
        scripts=(PageScript.CURVES,),
        own_scripts=(packaged_text("static/watch.js", _PACKAGE),),
        own_style=packaged_text("static/watch.css", _PACKAGE),
        # Without an icon, browsers would request one.
        head=Html('<link rel="icon" href="data:,">'),
        asks_its_server=True,
    )
