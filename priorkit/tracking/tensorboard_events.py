"""Writes a run's measurements as TensorBoard events, if TensorBoard is installed."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["TensorBoardEvents"]


class TensorBoardEvents:
    """Writes TensorBoard events of a run; does nothing if TensorBoard is not installed.

    TensorBoard writes in a separate thread, and raises a failure of this thread again at the next write. The traceback
    that Python prints for the thread is therefore suppressed.

    Args:
        folder: The folder of the event files.
        steps: Number of steps done already: TensorBoard ignores earlier events of later steps.

    Raises:
        OSError: The events cannot be written.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self._writer: Any = None
        self._threads: frozenset[threading.Thread] = frozenset()
        self._hook_before = threading.excepthook
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        threading.excepthook = self._told_later
        before = set(threading.enumerate())
        try:
            self._writer = SummaryWriter(str(folder), purge_step=steps + 1 if steps else None)
        except BaseException:
            self._let_go()
            raise
        self._threads = frozenset(threading.enumerate()) - before

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Writes measurements of a step, by name.

        Raises:
            OSError: These or earlier events cannot be written.
        """
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def write_picture(self, name: str, picture: Image.Image, step: int) -> None:
        """Writes a picture of a step.

        Raises:
            OSError: This or an earlier event cannot be written.
        """
        if self._writer is not None:
            pixels = np.asarray(picture)
            self._writer.add_image(name, pixels, step, dataformats="HW" if pixels.ndim == 2 else "HWC")

    def write_text(self, name: str, text: str, step: int) -> None:
        """Writes a text in Markdown.

        Raises:
            OSError: This or an earlier event cannot be written.
        """
        if self._writer is not None:
            self._writer.add_text(name, text, step)

    def close(self) -> None:
        """Writes all remaining events and closes the file; may be called twice.

        Raises:
            OSError: The events cannot be written.
        """
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            finally:
                self._let_go()

    def _told_later(self, failure: threading.ExceptHookArgs) -> None:
        # A thread may fail before `_threads` is set.
        ours = failure.thread in self._threads or type(failure.thread).__module__.startswith("tensorboard.")
        if not ours:
            self._hook_before(failure)

    def _let_go(self) -> None:
        if threading.excepthook == self._told_later:
            threading.excepthook = self._hook_before
