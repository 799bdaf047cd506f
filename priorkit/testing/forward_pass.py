"""A way of calling a component, and its outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from priorkit.testing.check import Defect
from priorkit.testing.traced_forward import traced_forward

__all__ = ["ForwardPass", "Inputs"]

Inputs = Mapping[str, Tensor]
"""The tensors that a component is called with, by name; the first dimension of each is the batch."""


@dataclass(frozen=True)
class ForwardPass:
    """One way of calling a component with a batch of N samples.

    Attributes:
        name: Its name, such as `log_prob`.
        call: The function from inputs to a tensor, or to several by name.
        shape: The shape of each output as a function of N.
        mean: Whether outputs are scalars: means over the batch. Otherwise they have a row for each sample.
        whole_batch: Whether a sample's output may depend on the other samples of its batch.
        for_training: Whether it is used in training alone, and not in loaded runs.
        trains: Whether the component's parameters learn from its outputs.
        reaches: The inputs that must receive gradients from its outputs.
        spares: The inputs that must not receive gradients.
        zero_density: Whether minus infinity is a valid output: the logarithm of a density of 0.
        float32: Whether outputs are float32 in any precision, as losses and densities are.
        dtype: The dtype of outputs: float32, or int64 for indices.
    """

    name: str
    call: Callable[[Inputs], Tensor | Mapping[str, Tensor]]
    shape: Callable[[int], tuple[int, ...]]
    mean: bool = False
    whole_batch: bool = False
    for_training: bool = False
    trains: bool = False
    reaches: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()
    zero_density: bool = False
    float32: bool = False
    dtype: torch.dtype = torch.float32

    def outputs(self, inputs: Inputs) -> dict[str, Tensor]:
        """Returns the outputs by name; a single tensor has the name of the pass.

        Raises:
            Defect: An output is not a tensor.
        """
        made = self.call(inputs)
        outputs = dict(made) if isinstance(made, Mapping) else {self.name: made}
        for name, output in outputs.items():
            if not isinstance(output, Tensor):
                raise Defect(
                    f"{self.name} returns {name!r} as a {type(output).__name__}, not as a tensor",
                    "it returns a Python number, None or the wrong object",
                    "return tensors with their gradients",
                )
        return outputs

    def compiled(self) -> "ForwardPass":
        """Returns the same pass, traced by torch.compile."""
        return replace(self, call=torch.compile(self.call, backend=traced_forward))

    def without_gradients(self, inputs: Inputs) -> dict[str, Tensor]:
        """Returns the outputs without recording gradients."""
        with torch.no_grad():
            return {name: output.detach() for name, output in self.outputs(inputs).items()}
