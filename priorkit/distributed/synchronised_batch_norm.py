"""Batch norm over the images of all processes."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.distributed.processes import Processes
from priorkit.errors import ConfigurationError

__all__ = ["SynchronisedBatchNorm", "synchronise_batch_norm"]


def synchronise_batch_norm(module: nn.Module, processes: Processes) -> None:
    """Makes every batch-norm layer of a module use the statistics of the whole batch, over all processes.

    Weights, statistics and their names stay unchanged. Does nothing if only one process trains.

    Args:
        module: A network; changed in place.
        processes: The processes that train together.

    Raises:
        ConfigurationError: A layer cannot be replaced without changing its behaviour.
    """
    if processes.count == 1:
        return
    if isinstance(module, _BatchNorm):
        raise _irreplaceable(module, "is a whole network")
    replaced: dict[nn.Module, SynchronisedBatchNorm] = {}
    for parent in list(module.modules()):
        for name, layer in parent._modules.items():
            if isinstance(layer, _BatchNorm) and not isinstance(layer, SynchronisedBatchNorm):
                hooks = layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks
                if type(layer).forward is not _BatchNorm.forward or any(hooks):
                    raise _irreplaceable(layer, f"(layer {name!r}) has its own forward or hooks")
                if layer not in replaced:
                    replaced[layer] = SynchronisedBatchNorm(layer, processes)
                parent._modules[name] = replaced[layer]


def _irreplaceable(layer: nn.Module, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the batch norm {type(layer).__name__} {why}, so it cannot use the statistics of several processes; "
        "use --no-synchronise-batch-norm, or train in one process"
    )


class SynchronisedBatchNorm(_BatchNorm):
    """A batch-norm layer that replaces another one, and takes over its weights and statistics.

    torch.nn.SyncBatchNorm works on GPUs only, and waits for the device in every forward pass. This layer works wherever
    processes can add up tensors, and waits for nothing else.

    Args:
        layer: The layer to replace; inputs have the shape (N, C, ...).
        processes: The processes that train together.
    """

    def __init__(self, layer: _BatchNorm, processes: Processes) -> None:
        super().__init__(
            layer.num_features,
            eps=layer.eps,
            momentum=layer.momentum,
            affine=layer.affine,
            track_running_stats=layer.track_running_stats,
        )
        self.processes = processes
        # The same tensor objects, because optimisers and averages may refer to them already.
        self._parameters, self._buffers = layer._parameters, layer._buffers
        self.training = layer.training
        self._constants: tuple[Tensor, Tensor] | None = None

    def _check_input_dim(self, values: Tensor) -> None:
        if values.ndim < 2:
            raise ValueError(f"batch norm needs inputs of shape (N, C, ...), not {tuple(values.shape)}")

    # torch.compile cannot compile the messages between processes.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, values: Tensor) -> Tensor:
        """Normalises inputs (N, C, ...); in training mode, by the statistics of all processes' inputs."""
        if not self.training:
            return super().forward(values)
        self._check_input_dim(values)
        output, mean, variance, count = _Normalise.apply(
            values, self.weight, self.bias, self.eps, self.processes, *self._zeros_and_ones(values)
        )
        if self.track_running_stats and self.running_mean is not None:
            self._track(mean, variance, count)
        normalised: Tensor = output
        return normalised

    def _zeros_and_ones(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Returns zeros and ones, in at least single precision, for kernels that require statistics."""
        precision = torch.promote_types(values.dtype, torch.float32)
        made = self._constants
        if made is None or made[0].device != values.device or made[0].dtype != precision:
            zeros = torch.zeros(self.num_features, device=values.device, dtype=precision)
            self._constants = made = (zeros, torch.ones_like(zeros))
        return made

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked.add_(1)
        # In PyTorch, a momentum of None means the mean over all batches.
        weight = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(variance * (count / (count - 1)).to(variance.dtype), weight)


def _line(values: Tensor, slope: Tensor, offset: Tensor, zeros: Tensor, ones: Tensor) -> Tensor:
    """Computes slope * values + offset for each channel, in one pass, and in the tensor's own precision.

    torch.nn.functional.batch_norm would do the same, but in torch 2.10 it refuses an eps of 0.
    """
    return torch.batch_norm(values, slope, offset, zeros, ones, False, 0.0, 0.0, torch.backends.cudnn.enabled)


class _Normalise(torch.autograd.Function):
    """(x - mean) / sqrt(variance + eps) * weight + bias, with mean and variance over the values of all processes."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        eps: float,
        processes: Processes,
        zeros: Tensor,
        ones: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # With running statistics in single precision, the kernel returns single precision. These are scratch tensors.
        local_mean, local_variance = torch.batch_norm_update_stats(values, zeros.clone(), ones.clone(), 0.0)
        # In double precision, the mean square minus the squared mean is accurate enough.
        local_mean, local_variance = local_mean.double(), local_variance.double()
        square = torch.addcmul(local_variance, local_mean, local_mean)
        # Weighted by the count of numbers in a channel, which is sent too, as processes may have unequal parts.
        sums = torch.cat([local_mean, square, torch.ones_like(local_mean[:1])]).mul_(values.numel() // values.shape[1])
        processes.add_up([sums])
        count = sums[-1]
        first, second = sums[:-1].div(count).chunk(2)
        mean, variance = first.to(zeros.dtype), torch.addcmul(second, first, first, value=-1).to(zeros.dtype)
        ctx.save_for_backward(values, weight, mean, torch.rsqrt(variance + eps))
        ctx.has_bias, ctx.eps, ctx.processes = bias is not None, eps, processes
        ctx.count, ctx.constants = count, (zeros, ones)
        ctx.mark_non_differentiable(mean, variance, count)
        output = functional.batch_norm(values, mean, variance, weight, bias, training=False, eps=eps)
        return output, mean, variance, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise ConfigurationError(
                "a loss needs the gradient of a gradient (create_graph=True), which batch norm over several processes "
                "does not support; use networks without batch norm, --no-synchronise-batch-norm, or one process"
            )
        values, weight, mean, inverse = ctx.saved_tensors
        # The gradients of weight and bias: the sums of gradient * normalised values, and of gradient.
        _, product, total = torch.ops.aten.native_batch_norm_backward(
            gradient, values, weight, None, None, mean, inverse, True, ctx.eps, [False, True, True]
        )
        input_gradient = None
        if ctx.needs_input_grad[0]:
            sums = torch.cat([product, total])
            ctx.processes.add_up([sums])
            product_mean, total_mean = sums.div_(ctx.count).chunk(2)
            scale = inverse if weight is None else inverse * weight
            # scale * (gradient - its mean - normalised values * product_mean), as one line in each of two tensors
            slope = scale * inverse * product_mean
            offset = torch.addcmul(scale * total_mean, slope, mean, value=-1)
            zeros, ones = ctx.constants
            input_gradient = _line(gradient, scale, zeros, zeros, ones)
            input_gradient.sub_(_line(values, slope, offset, zeros, ones))
        weight_gradient = product if weight is not None and ctx.needs_input_grad[1] else None
        bias_gradient = total if ctx.has_bias and ctx.needs_input_grad[2] else None
        return input_gradient, weight_gradient, bias_gradient, None, None, None, None
