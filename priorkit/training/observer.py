"""Who is told what happens in a training."""

from collections.abc import Mapping

from priorkit.errors import NonFiniteLossError
from priorkit.training.review import Review
from priorkit.training.session import Session
from priorkit.training.symptoms import NoticedSymptom

__all__ = ["Observer"]


class Observer:
    """Is told what happens in a run. Every method does nothing unless a subclass says otherwise.

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
        """Training is about to start, or to go on."""

    def entered_stage(self, session: Session) -> None:
        """A stage of a run that has several begins, or goes on: `session.stage`."""

    def stepped(self, session: Session) -> None:
        """A step is done. Called often: it must not wait for the device."""

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        """The losses since the last call, each the mean over its steps, by `phase/term`."""

    def reviewed(self, session: Session, review: Review) -> None:
        """Pictures and held-out scores."""

    def scores_due(self, session: Session) -> Mapping[str, float]:
        """It is time for scores that take long (`evaluate_every`); the networks are those that would be kept.

        Returns:
            What was found, by name. One that ends in `frechet_distance` says how good a checkpoint is.
        """
        return {}

    def noticed(self, session: Session, symptom: NoticedSymptom) -> None:
        """Training has shown a symptom, such as collapsed samples, for long; each is told once, as a warning, too."""

    def checkpointed(self, session: Session, names: list[str]) -> None:
        """The session's state is to be kept under these names (`last`, `best`)."""

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        """Training diverged; it goes on from its last checkpoint, which is loaded, with lower learning rates."""

    def ended(self, session: Session, reason: str | None) -> None:
        """Training is over: at its limit (None), or stopped early for a reason."""
