import pytest
import torch
from torch import Tensor

from priorkit.errors import ExportError
from priorkit.exporting.agreement import Agreement, require_agreement


def _batches(outputs: Tensor) -> list[tuple[tuple[Tensor, ...], Tensor]]:
    return [((part,), part) for part in torch.split(outputs, 5)]


def test_rounding_is_no_difference_and_is_told() -> None:
    batches = _batches(torch.randn(20, 3))
    found = require_agreement(lambda inputs: inputs[0] + 2e-5, batches)
    assert (found.others, found.compared) == (0, 20)
    assert found.largest_difference == pytest.approx(2e-5, rel=0.1)


def test_what_computes_something_else_is_refused() -> None:
    batches = _batches(torch.randn(20, 3))
    with pytest.raises(ExportError, match=r"20 of 20 outputs differ, by up to 0\.5"):
        require_agreement(lambda inputs: inputs[0] + 0.5, batches, choices=True)
    with pytest.raises(ExportError, match="20 of 20"):
        require_agreement(lambda inputs: inputs[0] * float("nan"), batches, choices=True)


def test_few_outputs_may_have_been_chosen_otherwise() -> None:
    batches = _batches(torch.arange(20)[:, None])

    def flipped(inputs: tuple[Tensor, ...]) -> Tensor:
        return torch.where(inputs[0] == 7, 3, inputs[0])

    assert require_agreement(flipped, batches * 4, choices=True) == Agreement(0.0, 4, 80)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="1 of 20 outputs differ"):
        require_agreement(flipped, batches)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [lambda output: output[:, :1], lambda output: output.double()])
def test_shapes_and_types_must_agree(change: object) -> None:
    with pytest.raises(ExportError, match="for a batch of 5"):
        require_agreement(lambda inputs: change(inputs[0]), _batches(torch.randn(5, 3)), choices=True)  # type: ignore[operator]


@pytest.mark.parametrize("choices", [True, False])
@pytest.mark.parametrize("size", [1, 2, 17])
def test_each_size_of_batches_is_judged_alone(size: int, choices: bool) -> None:
    batches = [((part,), part) for part in torch.split(torch.randn(60, 3), [1, 1, 2, 2, 17, 37])]

    def wrong(inputs: tuple[Tensor, ...]) -> Tensor:
        return inputs[0] + (len(inputs[0]) == size)

    with pytest.raises(ExportError, match=f"outputs differ, in batches of {size} alone, by up to 1"):
        require_agreement(wrong, batches, choices=choices)  # type: ignore[arg-type]
