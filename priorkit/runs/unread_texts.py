"""Notes on the parts of a text that a run's text encoder ignores."""

from priorkit.runs.run import Run

__all__ = ["unread_notes"]


def unread_notes(run: Run, text: str) -> list[str]:
    """Says which words of a text a run's text encoder does not know, and whether it cuts the text; empty if neither.

    Raises:
        ConfigurationError: The run's images are not conditioned on texts.
    """
    unknown, cut = run.unread(text)
    notes = []
    if unknown:
        words = ", ".join(repr(word) for word in unknown)
        notes.append(f"{text[:60]!r}: the run's text encoder does not know {words}")
    if cut:
        notes.append(f"{text[:60]!r} is longer than the run's text encoder reads; its end is left out")
    return notes
