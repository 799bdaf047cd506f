"""Observers, which receive the events of a training."""

from collections.abc import Mapping

from priorkit.errors import NonFiniteLossError
from priorkit.training.review import Review
from priorkit.training.session import Session
from priorkit.training.symptoms import NoticedSymptom

__all__ = ["Observer"]


class Observer:
    """Receives the events of a run. Every method does nothing unless a subclass overrides it.

    Examples:
        >>> import tempfile
        >>> import priorkit
        >>> class StepCounter(priorkit.Observer):
        ...     steps = 0
        ...
        ...     def stepped(self, session):
        ...         self.steps += 1
        >>> counter = StepCounter()
        >>> config = priorkit.RunConfig(networks={"name": "mlp", "hidden": 8}, steps=2, device="cpu")
        >>> run = priorkit.train(config, f"{tempfile.mkdtemp()}/run", observers=[counter])
        >>> counter.steps
        2
    """

    def started(self, session: Session) -> None:
        """Training is about to start or resume."""

    def entered_stage(self, session: Session) -> None:
        """A stage of a run with several stages begins or resumes: `session.stage`."""

    def stepped(self, session: Session) -> None:
        """A step is done. Called often: it must not wait for the device."""

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        """The losses since the last call, each the mean over its steps, by `phase/term`."""

    def reviewed(self, session: Session, review: Review) -> None:
        """Pictures and held-out scores."""

    def scores_due(self, session: Session) -> Mapping[str, float]:
        """Slow scores are due (`evaluate_every`); the networks are in the state in which they would be saved.

        Returns:
            The scores, by name. A score that ends in `frechet_distance` selects the best checkpoint.
        """
        return {}

    def noticed(self, session: Session, symptom: NoticedSymptom) -> None:
        """Training has long shown a symptom, such as collapsed samples; reported once, and also as a warning."""

    def checkpointed(self, session: Session, names: list[str]) -> None:
        """The session's state must be saved under these names (`last`, `best`)."""

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        """Training diverged; it resumes from its last checkpoint, already loaded, with lower learning rates."""

    def ended(self, session: Session, reason: str | None) -> None:
        """Training is over: at its limit (None), or stopped early for a reason."""
