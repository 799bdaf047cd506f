import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError, ExportError, MissingExtraError
from priorkit.exporting import ExportedPart, onnx_format
from priorkit.interfaces import CodeKind, Prior
from priorkit.registry import Registry
from priorkit.runs import Run, load_run, prepare

MakeRun = Callable[[str], Run]


def _onnx(path: Path) -> Callable[..., Tensor]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(**inputs: Tensor) -> Tensor:
        (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        return torch.from_numpy(found)

    return run


def _about(path: Path) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: dict[str, Any] = json.loads(session.get_modelmeta().custom_metadata_map["priorkit"])
    return found


def _close(found: Tensor, expected: Tensor) -> None:
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def _images(run: Run, n: int) -> Tensor:
    return 2 * torch.rand(n, run.shape.channels, run.shape.size, run.shape.size) - 1


@pytest.mark.parametrize("name", ["colour", "gaussian encoder", "maps", "codebook"])
def test_encoder_and_decoder_compute_what_the_run_does(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    run = make_run(name)
    assert isinstance(run.export(tmp_path / "encoder.onnx"), ExportedPart)
    run.export(tmp_path / "decoder.onnx", codes="encoder")
    encode, decode = _onnx(tmp_path / "encoder.onnx"), _onnx(tmp_path / "decoder.onnx")
    for n in (1, 2, 9):
        images = _images(run, n)
        codes = run.encode(images)
        found = encode(images=images)
        assert found.shape == (n, *run.model.code_space.shape)
        _close(found, codes)
        _close(decode(codes=codes), run.decode(codes, from_prior=False))


@pytest.mark.parametrize("name", ["classes", "codebook", "full mixture"])
def test_the_sampler_is_the_prior_and_the_decoder_behind_it(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    run = make_run(name)
    for part in ("prior", "sampler"):
        written = run.export(tmp_path / f"{part}.onnx")
        assert written.largest_difference is not None
        assert written.largest_difference < 1e-4
    prior, sample = (_onnx(tmp_path / f"{part}.onnx") for part in ("prior", "sampler"))
    for n in (1, 2, 9):
        noise = run.model.noise(n, seed=n)
        inputs = {"noise": noise}
        if run.prior.takes_condition and run.model.condition is not None:
            inputs["condition"] = run.model.conditions(n, seed=n)
        codes = run.model.codes_of(noise, inputs.get("condition"))
        expected = run.decode(codes, from_prior=True)
        _close(prior(**inputs), codes.view(n, *run.model.code_space.shape))
        _close(sample(**inputs), expected)


def test_a_sampler_without_an_encoder(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("no encoder")
    run.export(tmp_path / "sampler.onnx")
    _close(_onnx(tmp_path / "sampler.onnx")(noise=run.model.noise(4, 3)), run.sample(4, seed=3))


def test_the_condition_is_heard(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("classes")
    run.export(tmp_path / "sampler.onnx")
    sample, noise = _onnx(tmp_path / "sampler.onnx"), run.model.noise(2, 0)
    odd, even = (run.model.class_conditions(torch.full((2,), label)) for label in (0, 1))
    assert not torch.allclose(sample(noise=noise, condition=odd), sample(noise=noise, condition=even), atol=1e-3)


def test_a_stochastic_encoder_draws_if_asked(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("gaussian encoder")
    written = run.export(tmp_path / "draws.onnx", part="encoder", noise=True)
    assert [item.name for item in written.signature.inputs] == ["images", "noise"]
    encode, images, noise = _onnx(written.path), _images(run, 5), torch.randn(5, 4)
    assert run.model.encoder is not None
    with torch.no_grad():
        posterior = run.model.encoder(images, noise)
    _close(encode(images=images, noise=noise), posterior.code)
    _close(encode(images=images, noise=torch.zeros(5, 4)), run.encode(images))
    assert posterior.log_variance is not None
    assert not torch.allclose(posterior.code, posterior.mean, atol=1e-3)


def test_the_decoder_has_statistics_of_the_codes_that_it_is_for(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("grey")
    codes = torch.randn(6, 4)
    assert not torch.allclose(run.decode(codes, from_prior=True), run.decode(codes, from_prior=False), atol=1e-3)
    for whose in ("prior", "encoder"):
        path = tmp_path / f"{whose}s.onnx"
        run.export(path, part="decoder", codes=whose)
        _close(_onnx(path)(codes=codes), run.decode(codes, from_prior=whose == "prior"))
        assert _about(path)["batch_norm_statistics"] == f"of the {whose}'s codes"


_BY_TORCH_ALONE = """
import json, sys
import torch
more = {"priorkit.json": ""}
program = torch.export.load(sys.argv[1], extra_files=more)
inputs = torch.load(sys.argv[2])
torch.save([program.module()(*each) for each in inputs], sys.argv[3])
foreign = [name for name in sys.modules if name.partition(".")[0] in ("priorkit", "priorkit_plugins")]
print(json.dumps([foreign, json.loads(more["priorkit.json"])["part"]]))
"""


@pytest.mark.whole
def test_torch_reads_programs_without_priorkit(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("classes")
    assert run.export(tmp_path / "sampler.pt2").largest_difference == pytest.approx(0, abs=1e-6)
    inputs = [(run.model.noise(n, n), run.model.conditions(n, n)) for n in (1, 4)]
    torch.save(inputs, tmp_path / "inputs")
    command = [sys.executable, "-c", _BY_TORCH_ALONE, *(tmp_path / name for name in ("sampler.pt2", "inputs", "found"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout) == [[], "sampler"]
    for each, found in zip(inputs, torch.load(tmp_path / "found"), strict=True):
        _close(found, run.decode(run.model.codes_of(*each), from_prior=True))


def test_a_file_says_what_it_is(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("classes")
    run.export(tmp_path / "sampler.onnx")
    about = _about(tmp_path / "sampler.onnx")
    assert about["components"]["prior"] == "learned"
    assert about["class_names"] == ["odd", "even"]
    assert about["image_shape"] == [1, 16, 16]
    assert about["checkpoint"] == run.checkpoint
    noise, condition = about["inputs"]
    assert noise["distribution"] == [{"start": 0, "stop": noise["shape"][1], "distribution": "normal"}]
    assert condition["shape"] == ["batch", 2]
    assert about["outputs"][0]["range"] == [-1, 1]


def test_a_file_stands_alone_and_names_no_folders(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("grey")
    for name in ("decoder.onnx", "decoder.pt2"):
        run.export(tmp_path / name)
        assert str(Path(onnx_format.__file__).parents[2]).encode() not in (tmp_path / name).read_bytes()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["decoder.onnx", "decoder.pt2"]
    model = onnx.load(tmp_path / "decoder.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {item.domain: item.version for item in model.opset_import}[""] == 18
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_an_export_leaves_the_run_as_it_is(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("grey")
    before = run.sample(3)
    run.export(tmp_path / "sampler.pt2")
    assert torch.equal(run.sample(3), before)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("no encoder", {"path": "encoder.onnx"}, "has no encoder to export"),
        ("no encoder", {"path": "decoder.onnx", "codes": "encoder"}, "has no encoder, so there are no such codes"),
        ("grey", {"path": "model.onnx"}, "decoder, encoder, prior or sampler"),
        ("grey", {"path": "model.onnx", "part": "critic"}, "no part 'critic'"),
        ("grey", {"path": "decoder.tflite"}, "must end in .onnx or .pt2"),
        ("grey", {"path": "missing/decoder.onnx"}, "does not exist; make it"),
        ("grey", {"path": "folder.onnx", "part": "decoder"}, "is a folder"),
        ("grey", {"path": "encoder.onnx", "noise": True}, "this run's encoder draws nothing"),
        ("grey", {"path": "prior.onnx", "noise": True}, "the prior is not an encoder"),
        ("grey", {"path": "sampler.onnx", "codes": "encoder"}, "statistics of a decoder, but"),
        ("grey", {"path": "decoder.onnx", "codes": "mine"}, "must be 'prior' or 'encoder'"),
    ],
    ids=str,
)
def test_mistakes(make_run: MakeRun, tmp_path: Path, name: str, arguments: dict[str, Any], message: str) -> None:
    run = make_run(name)
    (tmp_path / "folder.onnx").mkdir()
    options = dict(arguments)
    path = tmp_path / options.pop("path")
    with pytest.raises((ConfigurationError, ExportError), match=message) as caught:
        run.export(path, **options)
    assert "\n" not in str(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == ["folder.onnx"]


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(make_run: MakeRun, tmp_path: Path) -> None:
    run, path = make_run("grey"), tmp_path / "prior.onnx"
    path.write_text("mine")
    with pytest.raises(ExportError, match="already exists and is left as it is"):
        run.export(path)
    assert path.read_text() == "mine"
    run.export(path, overwrite=True)
    assert _about(path)["part"] == "prior"


def test_the_extra_is_named_where_it_is_missing(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("grey")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[export\]'"):
        run.export(tmp_path / "decoder.onnx")
    run.export(tmp_path / "decoder.pt2")


def test_without_onnxruntime_nothing_is_said_of_the_difference(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_format.importlib.util, "find_spec", lambda name: None)
    written = make_run("grey").export(tmp_path / "prior.onnx")
    assert written.largest_difference is None
    assert written.path.is_file()


class _StubbornPrior(Prior):
    """A prior whose graph depends on its noise."""

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise if float(noise.sum()) > 0 else -noise


def test_a_component_that_does_not_export_is_named(
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Any],
    tiny_config: Callable[..., Any],
    tmp_path: Path,
) -> None:
    registry = make_registry(
        [("prior", make_component("stubborn", lambda options, context: _StubbornPrior(context.code_dim)))]
    )
    prepare(tiny_config("aae", registry, prior="stubborn", steps=1), tmp_path / "run", registry=registry).run()
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    for name in ("prior.onnx", "sampler.pt2"):
        with pytest.raises(
            ExportError, match=r"--prior stubborn \(plug-in of priorkit-tests 1\.0\) cannot be"
        ) as caught:
            run.export(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / name).exists()
    run.export(tmp_path / "decoder.onnx")


class _Forgetful(nn.Module):
    """A decoder that is another one after it has been captured."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, codes: Tensor) -> Tensor:
        images: Tensor = self.decoder(codes)
        return images if torch.compiler.is_compiling() else -images


@pytest.mark.parametrize("ending", ["onnx", "pt2"])
def test_an_export_that_computes_something_else_is_refused(make_run: MakeRun, tmp_path: Path, ending: str) -> None:
    run = make_run("grey")
    run.model.decoder = _Forgetful(run.model.decoder)
    with pytest.raises(ExportError, match=r"--networks normed .* results differ from torch's: 20 of 20 outputs"):
        run.export(tmp_path / f"decoder.{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", ["prior", "sampler"])
def test_what_is_wrong_for_one_size_of_batches_is_refused(make_run: MakeRun, tmp_path: Path, part: str) -> None:
    run = make_run("grey")
    forward = type(run.model.prior).forward

    class Lonely(type(run.model.prior)):  # type: ignore[misc]
        def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
            codes: Tensor = forward(self, noise, condition)
            return codes + 5 if not torch.compiler.is_compiling() and len(noise) == 1 else codes

    run.model.prior.__class__ = Lonely
    with pytest.raises(ExportError, match=r"the file's results differ from torch's: .* in batches of 1 alone"):
        run.export(tmp_path / f"{part}.pt2")
    assert not list(tmp_path.iterdir())


def test_outputs_that_are_others_are_told(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("grey")
    forward = type(run.model.prior).forward

    class Choosing(type(run.model.prior)):  # type: ignore[misc]
        def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
            codes: Tensor = forward(self, noise, condition)
            rare = (1000 * noise[:, :1]) % 1 < 0.05
            return codes if torch.compiler.is_compiling() else torch.where(rare, codes + 5, codes)

    run.model.prior.__class__ = Choosing
    written = run.export(tmp_path / "prior.pt2")
    assert written.compared > 100
    assert 0 < written.others <= 0.1 * written.compared
    assert written.largest_difference == pytest.approx(0, abs=1e-5)


def test_indices_come_and_go_as_whole_numbers(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("codebook")
    assert run.model.code_space.kind is CodeKind.INDICES
    run.export(tmp_path / "prior.onnx")
    drawn = _onnx(tmp_path / "prior.onnx")(noise=run.model.noise(64, 1))
    assert drawn.dtype == torch.int64
    entries = _about(tmp_path / "prior.onnx")["codes"]["entries"]
    assert np.isin(drawn.numpy(), np.arange(entries)).all()
