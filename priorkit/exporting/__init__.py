"""Exports parts of trained models to files that run without priorkit: ONNX and torch.export's format."""

from priorkit.exporting.capture import capture
from priorkit.exporting.export import ExportedPart, check_export_output, export_part
from priorkit.exporting.noise_law import NoiseLaw, NoiseSpan, noise_law
from priorkit.exporting.onnx_format import onnx_bytes, onnx_runner, require_onnx
from priorkit.exporting.parts import Part, part_named
from priorkit.exporting.signature import Signature, TensorDescription

__all__ = [
    "ExportedPart",
    "NoiseLaw",
    "NoiseSpan",
    "Part",
    "Signature",
    "TensorDescription",
    "capture",
    "check_export_output",
    "export_part",
    "noise_law",
    "onnx_bytes",
    "onnx_runner",
    "part_named",
    "require_onnx",
]
