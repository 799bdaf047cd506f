"""The repository's own pages (README, CONTRIBUTING, CHANGELOG) as pages of the site."""

import re

__all__ = ["ROOT_PAGES", "as_page"]

ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files at the repository's root, and the pages that they become."""


def as_page(text: str) -> str:
    """The text of a file at the root with its links and pictures turned to where the pages lie.

    A link to a file that is no page becomes the file's name.
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
