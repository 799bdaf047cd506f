"""Batch norm over the images of all processes, against torch's over the whole batch."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.distributed import Processes, join_processes, synchronise_batch_norm
from priorkit.distributed.synchronised_batch_norm import SynchronisedBatchNorm
from priorkit.errors import ConfigurationError
from priorkit.interfaces import frozen_statistics

SHAPES = {nn.BatchNorm1d: (7, 5), nn.BatchNorm2d: (7, 5, 3, 4), nn.BatchNorm3d: (7, 5, 2, 2, 3)}


def passed(layer: nn.Module, images: Tensor, gradient: Tensor) -> dict[str, Tensor]:
    """Output, gradients and statistics of one training pass."""
    images = images.clone().requires_grad_()
    output = layer(images)
    output.backward(gradient)
    return {
        "output": output.detach(),
        "input": images.grad,  # type: ignore[dict-item]
        **{f"gradient of {name}": weight.grad for name, weight in layer.named_parameters()},  # type: ignore[dict-item]
        **{name: buffer.clone() for name, buffer in layer.named_buffers()},
    }


def case(kind: type[nn.Module], dtype: torch.dtype, seed: int) -> tuple[Tensor, Tensor, nn.Module]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(SHAPES[kind], generator=generator, dtype=torch.float64) * 2 + 3
    gradient = torch.randn(SHAPES[kind], generator=generator, dtype=torch.float64)
    layer = kind(5).to(torch.float32 if dtype == torch.bfloat16 else dtype)
    for weight in layer.parameters():
        nn.init.uniform_(weight, 0.5, 2, generator=generator)
    images, gradient = images.to(dtype), gradient.to(dtype)
    if images.ndim == 4:
        images = images.to(memory_format=torch.channels_last)
    return images, gradient, layer


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", SHAPES)
@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=5)
def test_alone_it_is_torchs_layer(kind: type[nn.Module], dtype: torch.dtype, seed: int) -> None:
    images, gradient, layer = case(kind, dtype, seed)
    mine = passed(SynchronisedBatchNorm(copy.deepcopy(layer), Processes()), images, gradient)
    torchs = passed(layer, images, gradient)
    assert mine.keys() == torchs.keys()
    for name, expected in torchs.items():
        assert mine[name].dtype == expected.dtype
        # The gradient is a sum of terms that are each rounded to bfloat16 and may nearly cancel each other.
        error = 0.02 * float(expected.abs().max())
        tolerance = {"atol": error, "rtol": 0.016} if dtype == torch.bfloat16 else {}
        torch.testing.assert_close(mine[name], expected, **tolerance, msg=lambda text, name=name: f"{name}: {text}")
    assert mine["output"].stride() == torchs["output"].stride()


@pytest.mark.parametrize("ends", [(0, 2, 4, 7), (0, 1, 6, 7)])
@pytest.mark.parametrize("kind", SHAPES)
def test_parts_of_a_batch_give_what_the_whole_gives(
    kind: type[nn.Module], ends: tuple[int, ...], in_processes: Callable[..., list[Any]]
) -> None:
    images, gradient, layer = case(kind, torch.float64, 0)

    def work() -> dict[str, Tensor]:
        processes = join_processes()
        network = nn.Sequential(layer)
        synchronise_batch_norm(network, processes)
        share = slice(ends[processes.rank], ends[processes.rank + 1])
        return passed(network, images[share], gradient[share])

    whole = passed(nn.Sequential(copy.deepcopy(layer)), images, gradient)
    parts = in_processes(3, work)
    for name in ("output", "input"):
        torch.testing.assert_close(torch.cat([part[name] for part in parts]), whole[name], msg=name)
    for name, expected in whole.items():
        if name.startswith("gradient"):
            torch.testing.assert_close(sum(part[name] for part in parts), expected, msg=name)
        elif name not in ("output", "input"):
            for part in parts:
                torch.testing.assert_close(part[name], expected, msg=name)


def test_the_mean_over_all_batches_where_there_is_no_momentum() -> None:
    torchs, images = nn.BatchNorm1d(5, momentum=None, affine=False), torch.randn(3, 7, 5)
    mine = SynchronisedBatchNorm(copy.deepcopy(torchs), Processes())
    for batch in images:
        torch.testing.assert_close(mine(batch), torchs(batch))
    for (name, buffer), (_, expected) in zip(mine.named_buffers(), torchs.named_buffers(), strict=True):
        torch.testing.assert_close(buffer, expected, msg=name)


def test_statistics_can_be_frozen_and_evaluation_uses_them() -> None:
    layer = nn.BatchNorm1d(5)
    layer(torch.randn(9, 5) + 2)
    mine = SynchronisedBatchNorm(layer, Processes())
    before = {name: buffer.clone() for name, buffer in mine.named_buffers()}
    images = torch.randn(4, 5)
    with frozen_statistics(mine):
        torch.testing.assert_close(mine(images).mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    for name, buffer in mine.named_buffers():
        assert torch.equal(buffer, before[name]), name
    expected = (images - before["running_mean"]) / (before["running_var"] + layer.eps).sqrt()
    torch.testing.assert_close(mine.eval()(images), expected)


def test_layers_are_replaced_in_place_and_keep_their_tensors() -> None:
    network = nn.Sequential(nn.Linear(3, 5), nn.Sequential(nn.BatchNorm1d(5), nn.ReLU()))
    names, weights = list(network.state_dict()), list(network.parameters())
    synchronise_batch_norm(network, Processes())
    assert not any(isinstance(layer, SynchronisedBatchNorm) for layer in network.modules())
    synchronise_batch_norm(network, Processes(0, 2))
    assert isinstance(network[1][0], SynchronisedBatchNorm)  # type: ignore[index]
    assert list(network.state_dict()) == names
    assert all(one is other for one, other in zip(network.parameters(), weights, strict=True))
    averaged = copy.deepcopy(network)
    assert averaged.state_dict().keys() == network.state_dict().keys()
    assert not any(one is other for one, other in zip(network.parameters(), averaged.parameters(), strict=True))


def test_inputs_need_channels() -> None:
    with pytest.raises(ValueError, match=r"shape \(N, C, \.\.\.\), not \(5,\)"):
        SynchronisedBatchNorm(nn.BatchNorm1d(5), Processes())(torch.ones(5))


class Doubled(nn.BatchNorm1d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) * 2


def test_layers_that_do_something_else_are_refused() -> None:
    hooked = nn.BatchNorm1d(5)
    hooked.register_forward_hook(lambda *_: None)
    for network, words in (
        (nn.Sequential(Doubled(5)), r"Doubled \(layer '0'\) has its own forward or hooks"),
        (nn.Sequential(hooked), r"BatchNorm1d \(layer '0'\) has its own forward or hooks"),
        (nn.BatchNorm1d(5), "BatchNorm1d is a whole network"),
    ):
        with pytest.raises(ConfigurationError, match=f"{words}.*--no-synchronise-batch-norm"):
            synchronise_batch_norm(network, Processes(0, 2))
        synchronise_batch_norm(network, Processes())


def test_a_layer_in_two_places_stays_one() -> None:
    layer = nn.BatchNorm1d(5)
    network = nn.Sequential(layer, nn.Sequential(layer), nn.Linear(5, 5))
    synchronise_batch_norm(network, Processes(0, 2))
    assert isinstance(network[0], SynchronisedBatchNorm)
    assert network[1][0] is network[0]  # type: ignore[index]


def test_gradients_of_gradients_are_refused() -> None:
    images = torch.randn(6, 5, requires_grad=True)
    output = SynchronisedBatchNorm(nn.BatchNorm1d(5), Processes())(images)
    with pytest.raises(ConfigurationError, match=r"create_graph=True.*--no-synchronise-batch-norm"):
        torch.autograd.grad(output.sum(), images, create_graph=True)


@pytest.fixture
def shapes_of_statistics() -> Any:
    """Tells torch the shapes of its kernel for statistics, which it knows for real devices alone."""
    with torch.library._scoped_library("aten", "IMPL", "Meta") as library:

        def statistics(values: Tensor, mean: Tensor, variance: Tensor, momentum: float) -> tuple[Tensor, Tensor]:
            return torch.empty_like(mean), torch.empty_like(variance)

        library.impl("batch_norm_update_stats", statistics)
        yield


def test_it_is_at_home_on_other_devices(shapes_of_statistics: None) -> None:
    """With shapes alone: nothing is made on a device of its own choice, or read back."""
    with torch.device("meta"):
        layer = SynchronisedBatchNorm(nn.BatchNorm2d(4), Processes())
    images = torch.empty(3, 4, 5, 5, device="meta", requires_grad=True)
    layer(images).sum().backward()
    assert images.grad is not None
    assert images.grad.shape == images.shape
    assert {weight.grad.device.type for weight in layer.parameters() if weight.grad is not None} == {"meta"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_passes_on_a_gpu_that_is_not_there(dtype: torch.dtype, shapes_of_statistics: None) -> None:
    fake_tensors = pytest.importorskip("torch._subclasses")
    with fake_tensors.FakeTensorMode(), torch.device("cuda"):
        layer = SynchronisedBatchNorm(nn.BatchNorm2d(4), Processes())
        output = layer(torch.empty(3, 4, 5, 5, dtype=dtype))
    assert (output.device.type, output.dtype, output.shape) == ("cuda", dtype, (3, 4, 5, 5))


@pytest.mark.skipif(torch.version.cuda is None, reason="this torch is built without CUDA")
def test_torch_has_its_kernel_for_cuda() -> None:
    assert torch._C._dispatch_has_kernel_for_dispatch_key("aten::batch_norm_update_stats", "CUDA")
