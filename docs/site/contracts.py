"""Makes Markdown tables of the conformance kit's checks."""

from priorkit.testing.catalogue import CATALOGUE

__all__ = ["checks_of"]


def checks_of(slot: str) -> str:
    """Returns a table of the checks of a kind of component: what each demands, and the likely cause of a failure."""
    head = ["| check | what must hold | likely cause of a failure |", "|---|---|---|"]
    rows = [f"| `{check.name}` | {_cell(check.summary)} | {_cell(check.cause)} |" for check in CATALOGUE[slot].checks]
    return "\n".join([*head, *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
