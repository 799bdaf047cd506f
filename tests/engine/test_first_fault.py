import pytest
import torch

from priorkit.engine.first_fault import FirstFault
from priorkit.errors import NonFiniteLossError

CPU = torch.device("cpu")
GOOD, BAD = torch.tensor(1.0), torch.tensor(float("nan"))


def test_nothing_is_found_where_all_is_finite() -> None:
    fault = FirstFault(CPU)
    for step in (1, 2):
        fault.begin_step(step)
        assert fault.look("phase", "player", {"a": GOOD}, {"net": [torch.ones(3), None]}).tolist() == [True, True]
    fault.check()


@pytest.mark.parametrize(
    ("terms", "gradient", "named"),
    [
        ({"a": GOOD, "b": BAD}, 1.0, "the loss second/b became"),
        ({"a": BAD, "b": BAD}, float("nan"), "the loss second/a became"),
        ({"a": GOOD, "b": GOOD}, float("inf"), "the gradient of the net in the move of the player in the phase second"),
        # Adam squares gradients, so this one overflows.
        ({"a": GOOD, "b": GOOD}, 1e25, "the gradient of the net"),
    ],
)
def test_the_first_one_is_named_whatever_follows(terms: dict[str, torch.Tensor], gradient: float, named: str) -> None:
    fault = FirstFault(CPU)
    for step in range(1, 6):
        fault.begin_step(step)
        fault.look("first", "player", {"a": BAD if step > 3 else GOOD}, {"net": [torch.ones(2)]})
        wrong = step == 3
        fault.look(
            "second",
            "player",
            terms if wrong else {"a": GOOD, "b": GOOD},
            {"other": [torch.ones(2)], "net": [torch.ones(2), torch.tensor([1.0, gradient if wrong else 1.0])]},
        )
    with pytest.raises(NonFiniteLossError, match=rf"^{named}.* at step 3: training diverged$") as caught:
        fault.check()
    assert "\n" not in str(caught.value)
    fault.forget()
    fault.check()


def test_looking_does_not_wait_for_the_device() -> None:
    fault = FirstFault(torch.device("meta"))
    fault.begin_step(1)
    meta = {"device": "meta"}
    assert fault.look("phase", "player", {"a": torch.zeros((), **meta)}, {"net": [torch.ones(2, **meta)]}).is_meta
    fault.check()
