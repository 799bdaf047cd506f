"""The README for PyPI: `python docs/site/pypi_readme.py https://github.com/OWNER/priorkit v0.1.0`, then build.

PyPI shows only the README, so links to files and pictures are replaced by their addresses on GitHub. The script
rewrites README.md; `git checkout README.md` restores it after the build.
"""

import argparse
import re
from pathlib import Path

__all__ = ["with_addresses"]


def with_addresses(text: str, repository: str, version: str) -> str:
    """Returns the text with GitHub's addresses in the place of relative links and pictures.

    Args:
        text: A page at the repository's root, in Markdown.
        repository: The repository's address, https://github.com/OWNER/NAME.
        version: A tag, a branch or a commit.

    Raises:
        ValueError: The address is not that of a repository on GitHub.
    """
    path = repository.rstrip("/").removeprefix("https://github.com/")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", path):
        raise ValueError(f"{repository!r} is no address of a repository; use the form https://github.com/OWNER/NAME")
    pages, files = (
        f"https://github.com/{path}/blob/{version}/",
        f"https://raw.githubusercontent.com/{path}/{version}/",
    )
    text = re.sub(r'(<img [^>]*src=")(?!https?:)', rf"\g<1>{files}", text)
    return re.sub(r"(\]\()(?!https?:|#)", rf"\g<1>{pages}", text)


def main() -> None:
    """Rewrites README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", help="https://github.com/OWNER/priorkit")
    parser.add_argument("version", help="the tag of the release")
    given = parser.parse_args()
    readme = Path(__file__).resolve().parents[2] / "README.md"
    text = with_addresses(readme.read_text(encoding="utf-8"), given.repository, given.version)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
