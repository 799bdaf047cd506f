import pytest
import torch
from torch import Tensor

from priorkit.errors import ExportError
from priorkit.exporting.agreement import require_agreement


def _batches(outputs: Tensor) -> list[tuple[tuple[Tensor, ...], Tensor]]:
    return [((part,), part) for part in torch.split(outputs, 5)]


def test_rounding_is_no_difference_and_is_told() -> None:
    batches = _batches(torch.randn(20, 3))
    found = require_agreement(lambda inputs: inputs[0] + 2e-5, batches, chooses=False)
    assert found == pytest.approx(2e-5, rel=0.1)


def test_what_computes_something_else_is_refused() -> None:
    batches = _batches(torch.randn(20, 3))
    with pytest.raises(ExportError, match=r"20 of 20 outputs differ, by up to 0\.5"):
        require_agreement(lambda inputs: inputs[0] + 0.5, batches, chooses=True)
    with pytest.raises(ExportError, match="20 of 20"):
        require_agreement(lambda inputs: inputs[0] * float("nan"), batches, chooses=True)


def test_few_outputs_may_have_been_chosen_otherwise() -> None:
    batches = _batches(torch.arange(20)[:, None])

    def flipped(inputs: tuple[Tensor, ...]) -> Tensor:
        return torch.where(inputs[0] == 7, 3, inputs[0])

    assert require_agreement(flipped, batches, chooses=True) == 0  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="1 of 20 outputs differ"):
        require_agreement(flipped, batches, chooses=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [lambda output: output[:, :1], lambda output: output.double()])
def test_shapes_and_types_must_agree(change: object) -> None:
    with pytest.raises(ExportError, match="for a batch of 5"):
        require_agreement(lambda inputs: change(inputs[0]), _batches(torch.randn(5, 3)), chooses=True)  # type: ignore[operator]
