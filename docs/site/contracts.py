"""What the conformance kit holds components to, as Markdown: a table of the checks of each kind."""

from priorkit.testing.catalogue import CATALOGUE

__all__ = ["checks_of"]


def checks_of(slot: str) -> str:
    """A table of the checks of a kind: what each holds, and the likely cause where it fails."""
    rows = ["| check | what it holds | likely cause of a failure |", "|---|---|---|"]
    for check in CATALOGUE[slot].checks:
        rows.append("| " + " | ".join((f"`{check.name}`", _cell(check.summary), _cell(check.cause))) + " |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
