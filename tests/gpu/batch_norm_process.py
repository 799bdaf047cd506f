"""A process started by torchrun, which passes its share of a batch through batch norm over all processes.

Its arguments are the kind of device, and a file to which the first process writes the differences.
"""

import copy
import json
import os
import sys
from pathlib import Path

import torch
from torch import Tensor, distributed, nn

from priorkit.distributed import Processes
from priorkit.distributed.synchronised_batch_norm import SynchronisedBatchNorm

_IMAGES, _CHANNELS = 9, 5


class _Sending(Processes):
    """Processes that send messages even if there is only one process, as on a machine with one card."""

    def __init__(self, rank: int, count: int) -> None:
        super().__init__(rank, max(count, 2))


def _passed(layer: nn.Module, images: Tensor, gradient: Tensor) -> dict[str, Tensor]:
    images = images.clone().requires_grad_()
    output = layer(images)
    output.backward(gradient)
    assert images.grad is not None
    gradients = {f"gradient of the {name}": weight.grad for name, weight in layer.named_parameters()}
    statistics = {name: buffer.clone().double() for name, buffer in layer.named_buffers()}
    return {"output": output.detach(), "gradient of the input": images.grad, **gradients, **statistics}


def _summed(passed: dict[str, Tensor]) -> dict[str, Tensor]:
    """Adds up the weights' gradients over all processes, each of which has only those of its own images."""
    for name in ("gradient of the weight", "gradient of the bias"):
        distributed.all_reduce(passed[name])
    return passed


def main(kind: str, answer: Path) -> None:
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    device = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)
    # The same backends as in priorkit.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo")
    generator = torch.Generator().manual_seed(0)
    shape = (_IMAGES, _CHANNELS, 6, 4)
    images, gradient = (torch.randn(shape, generator=generator) for _ in range(2))
    images = (images * 2 + 3).to(device, memory_format=torch.channels_last)
    gradient = gradient.to(device)
    layer = nn.BatchNorm2d(_CHANNELS).to(device)
    share = Processes(rank, count).share(_IMAGES)
    expected = _passed(copy.deepcopy(layer), images, gradient)
    expected |= {name: expected[name][share] for name in ("output", "gradient of the input")}
    layers = {"priorkit's": SynchronisedBatchNorm(copy.deepcopy(layer), _Sending(rank, count))}
    if kind == "cuda":
        layers["torch.nn.SyncBatchNorm"] = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(layer))
    differences: dict[str, float] = {}
    for name, each in layers.items():
        found = _summed(_passed(each, images[share], gradient[share]))
        assert found.keys() == expected.keys()
        gaps = torch.stack([(value - expected[key]).abs().max().double() for key, value in found.items()])
        distributed.all_reduce(gaps, op=distributed.ReduceOp.MAX)
        differences[name] = float(gaps.max())
    if rank == 0:
        answer.write_text(json.dumps({"backend": "nccl" if kind == "cuda" else "gloo", "differences": differences}))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
