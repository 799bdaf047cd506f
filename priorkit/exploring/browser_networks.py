"""A model's networks for browsers: ONNX graphs, and one file of the weights that they share."""

import gzip
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from priorkit.errors import ExportError, MissingExtraError
from priorkit.exploring.text_reading import TextReading, TokenTable, read_texts_in_browsers
from priorkit.exporting import Part, require_onnx
from priorkit.runs import Run

__all__ = ["BrowserNetworks", "Weights", "networks_for_browsers"]

_FLOAT = 1
"""ONNX's number for float32."""
_SMALL = 64
"""Maximal number of elements of a tensor that stays inside its graph."""
_PARTS = {
    "decoder": (Part.DECODER, "prior"),
    "reconstruction": (Part.DECODER, "encoder"),
    "prior": (Part.PRIOR, "prior"),
}
_DOING = {
    "decoder": "exporting the decoder for the prior's codes",
    "reconstruction": "exporting the decoder for the encoder's codes",
    "prior": "exporting the prior (takes minutes if it draws a code number by number)",
}


class Weights(Enum):
    """The precision of the weights in a page."""

    AUTO = "auto"
    """Float32, or float16 if the page would become too large."""

    FLOAT32 = "float32"
    """Float32, unchanged."""

    FLOAT16 = "float16"
    """Rounded to float16, half the size; the browser still computes in float32."""

    NONE = "none"
    """No weights: the page shows pictures that are decoded in advance."""


@dataclass(frozen=True)
class BrowserNetworks:
    """The networks of a model for a browser.

    Attributes:
        graphs: ONNX graphs by role: `decoder` decodes the prior's codes, `reconstruction` decodes codes of images,
            `prior` turns noise into codes, and `text` turns tokens into s; without those that cannot be exported.
        weights: The weights that the graphs share, one after the other.
        half: Whether the weights are float16.
        refused: The reasons why networks are missing, by role.
        tokens: The table that turns texts into the tokens of `text`; None without that network.
    """

    graphs: dict[str, bytes] = field(default_factory=dict)
    weights: bytes = b""
    half: bool = False
    refused: dict[str, str] = field(default_factory=dict)
    tokens: TokenTable | None = None

    @property
    def decodes(self) -> bool:
        """Whether the browser can decode the prior's codes."""
        return "decoder" in self.graphs

    def packed(self) -> dict[str, bytes]:
        """Returns the graphs and the weights, each compressed by gzip, which browsers can decompress."""
        contents = {**self.graphs, "weights": self.weights} if self.graphs else {}
        return {name: gzip.compress(content, mtime=0) for name, content in contents.items()}


def networks_for_browsers(
    run: Run,
    weights: Weights,
    largest: int,
    tell: Callable[[str], None] = lambda doing: None,
    *,
    captions: Sequence[str] = (),
) -> BrowserNetworks:
    """Exports the decoder, the prior and the text encoder of a run for browsers.

    Args:
        run: The run, on the CPU.
        weights: The precision of the weights.
        largest: Size in bytes beyond which `Weights.AUTO` uses float16.
        tell: Called with a text before each part of the work.
        captions: Captions of the run's data, to try the text encoder on, if the run reads texts.

    Raises:
        MissingExtraError: The packages that write ONNX files are not installed.
    """
    if weights is Weights.NONE:
        return BrowserNetworks(refused={"decoder": "the page was made without weights"})
    _require_onnx()
    shared, graphs, refused = _SharedWeights(), {}, {}
    for role, (part, codes) in _PARTS.items():
        if role == "reconstruction" and run.model.encoder is None:
            continue
        if role != "decoder" and "decoder" not in graphs:
            break
        tell(_DOING[role])
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "part.onnx"
                run.export(path, part=part.value, codes=codes)
                graphs[role] = shared.taken_from(path.read_bytes())
        except ExportError as error:
            refused[role] = str(error)
    table = None
    if "prior" in graphs and captions and run.model.prior.takes_condition:
        vocabulary = run.environment["data"].get("vocabulary", ())
        reading = read_texts_in_browsers(run.model.reading_condition(), captions, vocabulary, tell)
        if isinstance(reading, TextReading):
            graphs["text"], table = shared.taken_from(reading.graph), reading.table
        else:
            refused["text"] = reading
    content = shared.content()
    half = weights is Weights.FLOAT16 or (weights is Weights.AUTO and len(content) > largest)
    if half:
        with np.errstate(over="ignore"):
            rounded = np.frombuffer(content, np.float32).astype(np.float16)
        if np.isfinite(rounded).all():
            content = rounded.tobytes()
        else:
            half = False
            refused["rounding"] = "some exceed the range of float16"
    return BrowserNetworks(graphs, content, half, refused, table)


def _require_onnx() -> None:
    try:
        require_onnx()
    except MissingExtraError as error:
        raise MissingExtraError(
            f"{error}; or pip install 'priorkit[explore]', or write the page with --weights none"
        ) from None


class _SharedWeights:
    """Float32 tensors of several graphs; equal tensors are stored once."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._parts: list[bytes] = []
        self._length = 0

    def content(self) -> bytes:
        return b"".join(self._parts)

    def taken_from(self, content: bytes) -> bytes:
        """Moves the weights of an ONNX file into this store; returns the file's graph."""
        import onnx

        model = onnx.load_from_string(content)
        for tensor in model.graph.initializer:
            if tensor.data_type == _FLOAT and len(tensor.raw_data) > 4 * _SMALL:
                self._take(tensor)
        serialised: bytes = model.SerializeToString()
        return serialised

    def _take(self, tensor: Any) -> None:
        from onnx.external_data_helper import set_external_data

        data = bytes(tensor.raw_data)
        digest = hashlib.sha256(data).digest()
        if digest not in self._places:
            self._places[digest] = self._length
            self._parts.append(data)
            self._length += len(data)
        set_external_data(tensor, "weights", offset=self._places[digest], length=len(data))
        tensor.ClearField("raw_data")
