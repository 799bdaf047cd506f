"""Notes on the parts of a text that a run's text encoder ignores."""

from priorkit.runs.run import Run

__all__ = ["unread_notes"]


def unread_notes(run: Run, text: str) -> list[str]:
    """Says which words of a text a run's text encoder does not know, and whether it cuts the text; empty if neither.

    Raises:
        ConfigurationError: The run's images are not conditioned on texts.

    Examples:
        >>> import priorkit
        >>> from priorkit.runs import unread_notes
        >>> small = {"networks": {"name": "mlp", "hidden": 8}, "steps": 1, "device": "cpu"}
        >>> encoder = {"name": "gru", "dim": 8, "word_dim": 8, "length": 6}
        >>> config = priorkit.RunConfig(condition="text", text_encoder=encoder, **small)
        >>> run = priorkit.train(config, "runs/texts")
        >>> unread_notes(run, "a handwritten 3"), unread_notes(run, "a handwritten gnu")
        ([], ["'a handwritten gnu': the run's text encoder does not know 'gnu'"])
    """
    unknown, cut = run.unread(text)
    notes = []
    if unknown:
        words = ", ".join(repr(word) for word in unknown)
        notes.append(f"{text[:60]!r}: the run's text encoder does not know {words}")
    if cut:
        notes.append(f"{text[:60]!r} is longer than the run's text encoder reads; its end is left out")
    return notes
