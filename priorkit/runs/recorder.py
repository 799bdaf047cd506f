"""Records a training in its run folder."""

import json
import re
from collections.abc import Mapping
from typing import IO

from priorkit.config import RunConfig
from priorkit.errors import NonFiniteLossError
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.formats import FORMAT
from priorkit.runs.metrics_file import read_metrics
from priorkit.runs.pictures import pairs, save_grid
from priorkit.tracking import TensorBoardEvents
from priorkit.training import NoticedSymptom, Observer, Review, Session
from priorkit.whole_files import refuse_link, write_whole

__all__ = ["Recorder"]

_PICTURE = re.compile(r"(?:samples|reconstructions)-(\d{8,})\.png")
"""Names of priorkit's pictures; users may keep other files beside them."""


class Recorder(Observer):
    """Keeps metrics, pictures, checkpoints and TensorBoard events (where TensorBoard is installed) of a run.

    Args:
        folder: The run folder.
        config: The configuration to store in checkpoints.
        events: Whether to write TensorBoard events; otherwise its tracker writes them.
    """

    def __init__(self, folder: RunFolder, config: RunConfig, *, events: bool = True) -> None:
        self.folder = folder
        self.config = config
        self.events = events
        self._metrics: IO[str] | None = None
        self._tensorboard: TensorBoardEvents | None = None
        self._written: set[tuple[float, frozenset[str]]] = set()

    def started(self, session: Session) -> None:
        """Opens the files; removes lines and pictures of steps after the last checkpoint, as these are repeated."""
        self._open(session)

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        """Removes lines and pictures of the steps that are repeated."""
        self.close()
        self._open(session)

    def _open(self, session: Session) -> None:
        with explained_os_errors("write the run's metrics"):
            kept = [row for row in read_metrics(self.folder, strict=True) if row["step"] <= session.steps]
            self._written = {(row["step"], frozenset(row)) for row in kept}
            write_whole(self.folder.metrics, "".join(json.dumps(row) + "\n" for row in kept))
            self.folder.samples.mkdir(exist_ok=True)
            refuse_link(self.folder.samples)
            for picture in self.folder.samples.iterdir():
                number = _PICTURE.fullmatch(picture.name)
                if number and int(number[1]) > session.steps:
                    picture.unlink()
            self._metrics = self.folder.metrics.open("a", encoding="utf-8")
        if not self.events:
            return
        with explained_os_errors("write TensorBoard events"):
            self._tensorboard = TensorBoardEvents(self.folder.path, session.steps)

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        """Writes a line of losses."""
        self._write(session, {f"loss/{name}": value for name, value in losses.items()})

    def reviewed(self, session: Session, review: Review) -> None:
        """Writes two pictures and a line of scores."""
        with explained_os_errors("write pictures"):
            save_grid(review.samples, self.folder.samples / f"samples-{session.steps:08d}.png", review.columns)
            if review.reconstructions is not None:
                columns = min(8, len(review.originals))
                rows = pairs(review.originals, review.reconstructions, columns)
                save_grid(rows, self.folder.samples / f"reconstructions-{session.steps:08d}.png", columns)
        scores = {f"held_out/{name}": value for name, value in review.scores.items()}
        self._write(session, scores | {f"indicator/{name}": value for name, value in review.indicators.items()})

    def noticed(self, session: Session, symptom: NoticedSymptom) -> None:
        """Writes a line with the symptom's value."""
        self._write(session, {f"symptom/{symptom.key}": symptom.value})

    def scored(self, session: Session, scores: Mapping[str, float]) -> None:
        """Writes a line of scores, by name."""
        self._write(session, {f"score/{name}": value for name, value in scores.items()})

    def checkpointed(self, session: Session, names: list[str]) -> None:
        """Saves a checkpoint."""
        state = {**session.state(), "config": self.config.model_dump(mode="json")}
        with explained_os_errors("save a checkpoint"):
            if self._metrics is not None:
                self._metrics.flush()
            self.folder.checkpoints.save(
                session.steps,
                session.weights(),
                state,
                names,
                {"format": str(FORMAT)},
                keep=self.config.keep_checkpoints,
            )

    def ended(self, session: Session, reason: str | None) -> None:
        """Closes the files."""
        self.close()

    def close(self) -> None:
        """Closes the files; may be called twice."""
        metrics, tensorboard = self._metrics, self._tensorboard
        self._metrics = self._tensorboard = None
        with explained_os_errors("write the run's metrics"):
            if metrics is not None:
                metrics.close()
            if tensorboard is not None:
                tensorboard.close()

    def _write(self, session: Session, values: Mapping[str, float]) -> None:
        assert self._metrics is not None, "started() opens the file"
        row = {
            "step": session.steps,
            "images": session.engine.images_seen,
            "seconds": round(session.seconds, 3),
            **values,
        }
        if (session.steps, frozenset(row)) in self._written:
            # A run that was already complete ends again.
            return
        with explained_os_errors("write the run's metrics"):
            self._metrics.write(json.dumps(row) + "\n")
            self._metrics.flush()
        if self._tensorboard is not None:
            with explained_os_errors("write TensorBoard events"):
                self._tensorboard.write(values, session.steps)
