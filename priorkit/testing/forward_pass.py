"""A way of calling a component, and what comes out of it."""

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
        name: What it is called: `log_prob`.
        call: From inputs to a tensor, or to several by name.
        shape: The shape of each output, from N.
        mean: Whether its outputs are means over the batch: scalars. Otherwise they have a row for each sample.
        whole_batch: Whether a sample's output may depend on the others in its batch.
        for_training: Whether a trained run, once it is loaded, has no use for it.
        trains: Whether the component's parameters learn from its outputs.
        reaches: The inputs that must receive a gradient from its outputs.
        spares: The inputs that must receive none.
        zero_density: Whether minus infinity is a possible output: the logarithm of a density of 0.
        float32: Whether its outputs are float32 in any precision: losses and densities are.
        dtype: What its outputs are: int64 where they are indices.
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
        """Its outputs by name: of a single tensor, the name of the pass.

        Raises:
            Defect: Something else than tensors came out.
        """
        made = self.call(inputs)
        outputs = dict(made) if isinstance(made, Mapping) else {self.name: made}
        for name, output in outputs.items():
            if not isinstance(output, Tensor):
                raise Defect(
                    f"{self.name} gives {name!r} as a {type(output).__name__}, not as a tensor",
                    "it returns a Python number, None or the wrong object",
                    "return tensors, which keep their gradients",
                )
        return outputs

    def compiled(self) -> "ForwardPass":
        """The same, traced by torch.compile."""
        return replace(self, call=torch.compile(self.call, backend=traced_forward))

    def without_gradients(self, inputs: Inputs) -> dict[str, Tensor]:
        """The same, where no gradients are recorded."""
        with torch.no_grad():
            return {name: output.detach() for name, output in self.outputs(inputs).items()}
