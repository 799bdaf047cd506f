"""Exports a part of a trained model to a file, and checks that the file computes the same."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.engine.evaluation_mode import evaluating
from priorkit.errors import ConfigurationError, ExportError, is_out_of_memory
from priorkit.exporting.agreement import Agreement, require_agreement
from priorkit.exporting.capture import capture
from priorkit.exporting.onnx_format import onnx_bytes, onnx_runner, require_onnx
from priorkit.exporting.parts import Part, PriorPart, SamplerPart, module_of
from priorkit.exporting.program_format import program_bytes, program_runner
from priorkit.exporting.signature import Signature, draw_inputs, signature_of
from priorkit.interfaces import CodeKind
from priorkit.models import Model
from priorkit.plugins.wording import in_one_line
from priorkit.whole_files import write_whole

__all__ = ["ExportedPart", "check_export_output", "export_part"]

_ENDINGS = (".onnx", ".pt2")
_EXAMPLES = 3
"""Number of example inputs to capture a part with."""
_LONGEST = 300
"""Maximal number of characters of torch's message to show."""
_BATCHES = (1, 2, 17)
"""Sizes of the batches to try the file on."""
_CHOOSING = 40
"""Minimal number of outputs, for each batch size, to try a part on that seems to pick among candidates."""


@dataclass(frozen=True)
class ExportedPart:
    """A description of an exported file.

    Attributes:
        path: The file.
        part: `decoder`, `encoder`, `prior` or `sampler`.
        signature: Its inputs and its output.
        largest_difference: The largest difference between the file's outputs and torch's, on new inputs, among outputs
            that agree; None for an ONNX file if onnxruntime is not installed.
        about: The description in the file's metadata.
        others: Number of outputs that are different choices of a part that picks among candidates, where rounding
            decides: less than a tenth, or the export is refused.
        compared: Number of compared outputs.
    """

    path: Path
    part: str
    signature: Signature
    largest_difference: float | None
    about: Mapping[str, Any]
    others: int = 0
    compared: int = 0


def check_export_output(path: Path, *, overwrite: bool) -> None:
    """Checks that a part can be exported to `path`.

    Raises:
        ExportError: The path does not end in .onnx or .pt2, its folder is missing, the path is in use and `overwrite`
            is False, or it is a folder.
        MissingExtraError: The packages that write such files are not installed.
    """
    if path.suffix not in _ENDINGS:
        endings = " or ".join(_ENDINGS)
        raise ExportError(f"cannot export to {str(path)!r}: its name must end in {endings}, as decoder.onnx does")
    if path.is_dir():
        raise ExportError(f"{str(path)!r} is a folder; name another file")
    if not path.parent.is_dir():
        raise ExportError(f"the folder {str(path.parent)!r} does not exist; make it, or name a file in another folder")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise ExportError(
            f"{str(path)!r} already exists and is left as it is; name another file, or add --overwrite "
            "(overwrite=True in Python)"
        )
    if path.suffix == ".onnx":
        require_onnx()


def export_part(
    model: Model,
    path: Path,
    part: Part,
    *,
    codes: str = "prior",
    noise: bool = False,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
    suppliers: Mapping[str, str] | None = None,
) -> ExportedPart:
    """Exports a part of a model, for batches of any size, in float32.

    Args:
        model: The model; it is not changed.
        path: A file that ends in .onnx or .pt2.
        part: The part.
        codes: The codes for an exported decoder, `prior` or `encoder`: its batch norm has separate statistics for each.
        noise: Whether a stochastic encoder takes noise as a second input and returns draws, instead of means.
        overwrite: Whether to replace an existing file.
        about: Further metadata for the file.
        suppliers: The names of the model's components in errors, by kind: `{"prior": "--prior energy (of priorkit
            0.1.0)"}`.

    Raises:
        ConfigurationError: The model has no such part, or the part has no such option.
        ExportError: The file cannot be written there, a component cannot be exported, or the file's results differ; no
            file is left then.
        MissingExtraError: The packages that write such files are not installed.
        OSError: The file cannot be written.
    """
    check_export_output(path, overwrite=overwrite)
    if codes not in ("prior", "encoder"):
        raise ConfigurationError(f"codes must be 'prior' or 'encoder', not {codes!r}")
    if codes == "encoder" and part is not Part.DECODER:
        raise ConfigurationError(
            f"--codes encoder chooses the statistics of a decoder, but this is the {part.value}; leave it out"
        )
    if codes == "encoder" and model.encoder is None:
        raise ConfigurationError("--codes encoder: this run has no encoder, so there are no such codes; leave it out")
    module = _on_processor(module_of(model, part, codes_from_prior=codes == "prior"), model)
    signature = signature_of(model, part, noise=noise)
    described = _description(model, part, signature, codes, about or {})
    names = dict(suppliers or {})
    with evaluating(module):
        try:
            examples = draw_inputs(model, signature, _EXAMPLES, seed=0)
            content, run = _written(module, examples, signature, path.suffix, json.dumps(described))
            may_choose = part in (Part.PRIOR, Part.SAMPLER) or model.code_space.kind is CodeKind.INDICES
            agreement = None if run is None else _agreement(run, module, model, signature, may_choose=may_choose)
        except KeyboardInterrupt:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise ExportError(_refusal(part, module, examples, names, error)) from error
    write_whole(path, content)
    return ExportedPart(
        path,
        part.value,
        signature,
        None if agreement is None else agreement.largest_difference,
        described,
        0 if agreement is None else agreement.others,
        0 if agreement is None else agreement.compared,
    )


def _on_processor(module: nn.Module, model: Model) -> nn.Module:
    """Returns the module with its tensors on the CPU: a copy if they are elsewhere."""
    return module if model.device.type == "cpu" else copy.deepcopy(module).cpu()


def _agreement(
    run: Callable[[Sequence[Tensor]], Tensor],
    module: nn.Module,
    model: Model,
    signature: Signature,
    *,
    may_choose: bool,
) -> Agreement:
    """Returns how well the file agrees with torch, on batches of several sizes.

    Priors do not declare whether they pick among candidates. If some outputs are different choices, more batches of
    each size are compared: enough to distinguish rare choices from a batch size with wrong results.
    """

    def compare(count: int, *, choices: bool) -> Agreement:
        drawn = [
            draw_inputs(model, signature, n, seed=n + 100 * index)
            for n in _BATCHES
            for index in range(max(1, -(-count // n)))
        ]
        return require_agreement(run, [(inputs, module(*inputs)) for inputs in drawn], choices=choices)

    try:
        return compare(1, choices=False)
    except ExportError:
        if not may_choose:
            raise
        return compare(_CHOOSING, choices=True)


def _written(
    module: nn.Module, examples: Sequence[Tensor], signature: Signature, ending: str, about: str
) -> tuple[bytes, Callable[[Sequence[Tensor]], Tensor] | None]:
    """Returns the file's content, and a function that computes its output."""
    program = capture(module, examples)
    if ending == ".pt2":
        content = program_bytes(program, about)
        return content, program_runner(content)
    content = onnx_bytes(program, [item.name for item in signature.inputs], signature.output.name, about)
    return content, onnx_runner(content)


def _refusal(
    part: Part, module: nn.Module, examples: Sequence[Tensor], names: Mapping[str, str], error: Exception
) -> str:
    """Returns an error that names the component that cannot be exported, and the reason."""
    kind = {Part.ENCODER: "encoder", Part.DECODER: "networks"}.get(part, "prior")
    if isinstance(module, SamplerPart) and _captures(module.prior, examples):
        kind = "networks"
    who = names.get(kind, f"the {kind}")
    return f"{who} cannot be exported as {part.value}: {_reason(error)}"


def _reason(error: Exception) -> str:
    """Returns the reason in one line: torch's own description of the graph fills pages."""
    if isinstance(error, ExportError):
        return str(error)
    if "Constraints violated" in str(error):
        return "its computation depends on the number of samples in a batch, so no graph fits batches of any size"
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    said = next((line for line in str(cause).splitlines() if line.strip()), "")
    return in_one_line(f"{type(cause).__name__}: {said}", _LONGEST)


def _captures(prior: PriorPart, examples: Sequence[Tensor]) -> bool:
    try:
        capture(prior, examples)
    except Exception:
        return False
    return True


def _description(
    model: Model, part: Part, signature: Signature, codes: str, about: Mapping[str, Any]
) -> dict[str, Any]:
    space = model.code_space
    described: dict[str, Any] = {
        "priorkit": version("priorkit"),
        "torch": torch.__version__,
        "part": part.value,
        **about,
        "image_shape": [model.shape.channels, model.shape.size, model.shape.size],
        "codes": {"kind": space.kind.value, "shape": list(space.shape), "entries": space.entries},
        "inputs": [item.as_data() for item in signature.inputs],
        "outputs": [signature.output.as_data()],
    }
    if part in (Part.DECODER, Part.SAMPLER):
        described["batch_norm_statistics"] = f"of the {codes}'s codes"
    return described
