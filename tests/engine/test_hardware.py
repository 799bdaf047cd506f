import re
import warnings
from collections.abc import Callable

import pytest
import torch

from priorkit.distributed import Processes
from priorkit.engine import Precision, choose_device, choose_precision
from priorkit.errors import DeviceError

CPU = torch.device("cpu")


def test_auto_takes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    assert choose_device("auto") == torch.device("cuda", 2)


def test_the_named_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cpu") == CPU
    assert choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)


@pytest.mark.parametrize(("name", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2), ("mps", 0)])
def test_a_missing_device_is_refused(name: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=f"--device {name}: .*--device cpu") as caught:
        choose_device(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [("auto", 0, "cpu"), ("cpu", 4, "cpu"), ("auto", 4, "cuda:2"), ("cuda", 3, "cuda:2")],
)
def test_each_of_several_processes_gets_a_device(
    name: str, count: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert choose_device(name, Processes(2, 3, local_rank=2, local_count=3)) == torch.device(expected)


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("mps", 0, "--device mps: several processes cannot train on it; use --device cpu, or one process"),
        ("cuda", 0, "3 processes on this machine need a GPU each, and 0 CUDA device(s) were found; start 1 with "),
        ("auto", 2, "3 processes on this machine need a GPU each, and 2 CUDA device(s) were found; start 2 with "),
        ("cuda:1", 4, "--device cuda:1: 3 processes on this machine cannot share it; use --device cuda for a GPU each"),
    ],
)
def test_a_device_that_several_processes_cannot_use_is_refused(
    name: str, count: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(DeviceError, match=re.escape(message)):
        choose_device(name, Processes(0, 3, local_rank=0, local_count=3))


def test_one_process_on_each_machine_may_name_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1", Processes(1, 2, local_rank=0, local_count=1)) == torch.device("cuda", 1)


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_auto_precision_on_cuda(capability: tuple[int, int], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", torch.device("cuda", 0)).name == expected


@pytest.mark.parametrize(
    ("capability", "amx", "avx512_bf16", "expected"),
    [
        ("AVX512", True, False, "bfloat16"),
        ("AVX512", False, True, "bfloat16"),
        ("AVX512", False, False, "float32"),
        ("AVX2", True, True, "float32"),
    ],
)
def test_auto_precision_on_a_cpu(
    capability: str, amx: bool, avx512_bf16: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16, raising=False)
    assert choose_precision("auto", CPU).name == expected


def test_auto_precision_elsewhere_is_float32() -> None:
    assert choose_precision("auto", torch.device("mps")).name == "float32"


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_precision_computes_in_its_dtype_and_keeps_the_weights(name: str) -> None:
    precision = choose_precision(name, CPU)
    assert precision.name == name
    assert precision.device == CPU
    layer = torch.nn.Linear(2, 2)
    with precision.autocast():
        assert layer(torch.ones(1, 2)).dtype == getattr(torch, name)
    assert layer.weight.dtype == torch.float32
    assert layer(torch.ones(1, 2)).dtype == torch.float32


def test_every_context_is_fresh() -> None:
    precision = Precision(CPU, torch.bfloat16)
    layer = torch.nn.Linear(1, 1, bias=False)
    for value in (1.0, 2.0):
        with torch.no_grad():
            layer.weight.fill_(value)
        with precision.autocast():
            assert layer(torch.ones(1, 1)).item() == value


@pytest.mark.parametrize("name", ["gpu", "", "cuda:01", "cuda:²", "cuda:9999999999999", "cpu:0", "meta", "cuda:0\n"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(DeviceError, match=r"unknown device .*; use auto, cpu, cuda, cuda:N or mps"):
        choose_device(name)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(DeviceError, match="unknown precision 'half'; use auto, float32 or bfloat16"):
        choose_precision("half", CPU)


def _warns(*args: object, **kwargs: object) -> None:
    warnings.warn("In MPS autocast, but the target dtype is not supported. Disabling autocast.", stacklevel=1)


def _raises(*args: object, **kwargs: object) -> None:
    raise RuntimeError("Current CUDA Device does not support bfloat16.\nPlease switch dtype to float16.")


@pytest.mark.parametrize("autocast", [_warns, _raises])
def test_bfloat16_is_refused_where_autocast_does_not_know_it(
    autocast: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "autocast", autocast)
    with pytest.raises(DeviceError, match=r"--precision bfloat16: mps does not .*; use --precision float32") as caught:
        choose_precision("bfloat16", torch.device("mps"))
    assert "\n" not in str(caught.value)
    assert choose_precision("auto", torch.device("mps")).name == "float32"
