"""What the conformance kit holds components to, as Markdown: a table of the checks of each kind."""

from priorkit.testing.catalogue import CATALOGUE

__all__ = ["checks_of"]


def checks_of(slot: str) -> str:
    """A table of the checks of a kind: what each holds, and the likely cause where it fails."""
    head = ["| check | what it holds | likely cause of a failure |", "|---|---|---|"]
    rows = [f"| `{check.name}` | {_cell(check.summary)} | {_cell(check.cause)} |" for check in CATALOGUE[slot].checks]
    return "\n".join([*head, *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
