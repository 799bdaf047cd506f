"""Turns the pages at the repository's root (README, CONTRIBUTING, CHANGELOG) into pages of the site."""

import re

__all__ = ["ROOT_PAGES", "as_page"]

ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages of the site, by the file at the repository's root."""


def as_page(text: str) -> str:
    """Returns the text of a file at the root, with links and pictures adapted to the site's folders.

    A link to a file that is not a page of the site becomes the file's name.
    """

    def turned(link: re.Match[str]) -> str:
        shown, target = link["shown"], link["target"]
        if re.match(r"[a-z]+:|#", target):
            return link[0]
        path, mark, anchor = target.partition("#")
        page = ROOT_PAGES.get(path) or path.removeprefix("docs/")
        if page.endswith(".md"):
            return f"[{shown}]({page}{mark}{anchor})"
        return shown if shown.strip("`") == target else f"{shown} (`{target}`)"

    text = text.replace(' src="docs/', ' src="')
    return re.sub(r"\[(?P<shown>[^\]]*)\]\((?P<target>[^)\s]+)\)", turned, text)
