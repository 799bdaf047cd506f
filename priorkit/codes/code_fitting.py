"""Runs a fit to given codes: trains, saves checkpoints, and stops on request."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from priorkit.codes.code_fit import CodeFit
from priorkit.codes.fitted_prior import FittedPrior
from priorkit.codes.prior_folder import PriorFolder
from priorkit.codes.records import PriorRecord
from priorkit.config import RunConfig, parse_json
from priorkit.errors import NonFiniteLossError
from priorkit.registry import Registry
from priorkit.runs.folder import explained_os_errors
from priorkit.runs.removed_folder import noticing_removal
from priorkit.runs.stop_signals import kept_generators, stop_signals
from priorkit.runs.training_lock import training_lock
from priorkit.whole_files import read_regular, write_whole

__all__ = ["CodeFitting", "FitObserver"]


class FitObserver(Protocol):
    """An observer of a fit; a subclass overrides the methods that it needs.

    Examples:
        >>> import torch
        >>> from priorkit.codes import FitObserver, fit_prior
        >>> class LossPrinter(FitObserver):
        ...     def measured(self, session, losses):
        ...         print(session.steps, list(losses))
        >>> codes = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        >>> fitted = fit_prior(codes, steps=4, log_every=2, device="cpu", observers=[LossPrinter()])
        2 ['code_fitting/codes']
        4 ['code_fitting/codes']
    """

    def started(self, session: CodeFit) -> None:
        """Training is about to start or resume."""

    def stepped(self, session: CodeFit) -> None:
        """A step is done. Called often: it must not wait for the device."""

    def measured(self, session: CodeFit, losses: dict[str, float]) -> None:
        """The losses since the last call, each the mean over its steps, by `phase/term`."""


@dataclass
class CodeFitting:
    """A fit that is ready; nothing has been written yet if it is new.

    Attributes:
        config: The resolved settings.
        fit: The fit.
        record: The record of the fit.
        path: The folder, or its future path; None if nothing is saved to disk.
        resumed: Whether the fit is resumed.
        registry: Where components come from.

    Examples:
        >>> import torch
        >>> from priorkit.codes import prepare_code_fit
        >>> codes = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        >>> fitting = prepare_code_fit(codes, {"prior": "full-gaussian", "device": "cpu"})
        >>> fitting.run()
        >>> fitting.fitted().sample(3).shape
        torch.Size([3, 4])
    """

    config: RunConfig
    fit: CodeFit
    record: PriorRecord
    path: Path | None
    resumed: bool
    registry: Registry

    def run(self, observers: Sequence[FitObserver] = ()) -> str | None:
        """Trains to the end. Ctrl-C and SIGTERM stop the fit after the step in progress, with a checkpoint.

        Args:
            observers: The observers to notify.

        Returns:
            The reason for stopping before the limit (`interrupted`, `terminated`), or None.

        Raises:
            NonFiniteLossError: Training diverged; the last good checkpoint is kept.
            RunFolderError: The folder cannot be written, or another process trains this prior.
        """
        fit = self.fit
        made: list[Path] = []
        removal = noticing_removal(lambda: made[0] if made else None, "folder of the prior", "priorkit fit --resume")
        with removal, ExitStack() as until_done:
            folder, metrics = self._begin(until_done) if self.path is not None else (None, None)
            if self.path is not None:
                made.append(self.path)
            until_done.enter_context(kept_generators(fit.precision.device))
            stop = until_done.enter_context(stop_signals())
            for observer in observers:
                observer.started(fit)
            try:
                reason = self._train(observers, stop, folder, metrics)
                fit.check_finite()
            except NonFiniteLossError as error:
                raise NonFiniteLossError(
                    f"{error}; try another fit with a lower --learning-rate, with --clip-norm 1 or with --precision "
                    "float32"
                ) from error
            if folder is not None:
                folder.save(fit.steps, fit.weights(), fit.state(), keep=self.config.keep_checkpoints)
        return reason

    def _train(
        self,
        observers: Sequence[FitObserver],
        stop: Callable[[], str | None],
        folder: PriorFolder | None,
        metrics: IO[str] | None,
    ) -> str | None:
        fit, config = self.fit, self.fit.config
        began = time.perf_counter() - fit.seconds
        while not fit.finished():
            reason = stop()
            if reason is not None:
                return reason
            fit.step()
            fit.seconds = time.perf_counter() - began
            if fit.steps % config.log_every == 0 or fit.finished():
                # The last line covers only the remaining steps, and is rewritten if the fit is resumed.
                losses = fit.engine.losses(reset=fit.steps % config.log_every == 0)
                if losses and metrics is not None:
                    row = {"step": fit.steps, "codes": fit.engine.images_seen, "seconds": round(fit.seconds, 3)}
                    line = json.dumps({**row, **{f"loss/{name}": value for name, value in losses.items()}})
                    with explained_os_errors("write the fit's metrics", "priorkit fit --resume PRIOR"):
                        metrics.write(line + "\n")
                        metrics.flush()
                for observer in observers:
                    observer.measured(fit, losses)
            if folder is not None and fit.steps % config.checkpoint_every == 0 and not fit.finished():
                fit.check_finite()
                folder.save(fit.steps, fit.weights(), fit.state(), keep=self.config.keep_checkpoints)
            for observer in observers:
                observer.stepped(fit)
        return None

    def _begin(self, until_done: ExitStack) -> tuple[PriorFolder, IO[str]]:
        """Prepares the folder; from here on, the fit can always be resumed."""
        assert self.path is not None
        if self.resumed:
            folder = PriorFolder.open(self.path)
        else:
            folder = PriorFolder.create(self.path, self.config, self.record, self.fit.weights(), self.fit.state(), 0)
        until_done.enter_context(training_lock(folder.path))
        if self.resumed:
            folder.write_config(self.config)
        with explained_os_errors("write the fit's metrics", "priorkit fit --resume PRIOR"):
            kept = _rows_until(folder.metrics, self.fit.steps)
            write_whole(folder.metrics, "".join(kept))
            metrics = until_done.enter_context(folder.metrics.open("a", encoding="utf-8"))
        return folder, metrics

    def fitted(self) -> FittedPrior:
        """The current prior, ready to use."""
        fit = self.fit
        return FittedPrior(
            fit.prior_in_use(),
            fit.scale,
            fit.condition,
            self.config,
            self.record,
            steps=fit.steps,
            registry=self.registry,
        )


def _rows_until(file: Path, step: int) -> list[str]:
    """The lines of steps up to a checkpoint: later steps are repeated."""
    kept = []
    for line in read_regular(file).decode("utf-8").splitlines(keepends=True) if file.exists() else []:
        try:
            row = parse_json(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int) and row["step"] <= step:
            kept.append(line)
    return kept
