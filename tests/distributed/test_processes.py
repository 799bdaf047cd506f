"""Processes that train together."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.distributed import Processes, join_processes, leave_processes
from priorkit.errors import ConfigurationError, NonFiniteLossError, ProcessesError


@given(st.integers(1, 200), st.integers(1, 17))
@settings(deadline=None)
def test_shares_are_the_batch(batch_size: int, count: int) -> None:
    images = list(range(batch_size))
    shares = [images[Processes(rank, count).share(batch_size)] for rank in range(count)]
    assert [image for share in shares for image in share] == images
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_one_process_waits_for_nobody() -> None:
    alone = Processes()
    tensors = [torch.ones(2), torch.ones(1)]
    alone.add_up(tensors)
    alone.copy_from_main(tensors)
    assert [tensor.tolist() for tensor in tensors] == [[1, 1], [1]]
    assert alone.gather("x") == ["x"]
    assert alone.agree(None, 3.0) == (None, 3.0, False)
    assert alone.agree("terminated", 3.0, failed=True) == ("terminated", 3.0, True)
    with alone.first_on_machine(), pytest.raises(ConfigurationError, match="mine"), alone.together():
        raise ConfigurationError("mine")


def test_sums_and_copies_keep_each_tensor_as_it_lies(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> list[torch.Tensor]:
        processes = join_processes()
        scale = processes.rank + 1
        layered = torch.arange(48.0).reshape(2, 3, 2, 4).to(memory_format=torch.channels_last) * scale
        tensors = [
            layered,
            torch.tensor(scale),
            torch.tensor([0.5 * scale], dtype=torch.float64),
            torch.ones(3) * scale,
        ]
        copies = [tensor.clone() for tensor in tensors]
        processes.add_up(tensors)
        processes.copy_from_main(copies)
        assert tensors[0].is_contiguous(memory_format=torch.channels_last)
        assert copies[0].is_contiguous(memory_format=torch.channels_last)
        return [*tensors, *copies]

    first, second, third = in_processes(3, work)
    expected = torch.arange(48.0).reshape(2, 3, 2, 4)
    for result in (first, second, third):
        assert torch.equal(result[0], expected * 6)
        assert [tensor.tolist() for tensor in result[1:4]] == [6, [3.0], [6.0, 6.0, 6.0]]
        assert torch.equal(result[4], expected)
        assert [tensor.tolist() for tensor in result[5:]] == [1, [0.5], [1.0, 1.0, 1.0]]


def test_stopping_is_agreed_on(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> list[Any]:
        processes = join_processes()
        undisturbed = processes.agree(None, 1.0 + processes.rank)
        stopped = processes.agree("terminated" if processes.rank == 1 else None, 5.0 + processes.rank)
        failed = processes.agree(None, 7.0 + processes.rank, failed=processes.rank == 1)
        values = processes.gather({"rank": processes.rank})
        leave_processes()
        return [undisturbed, stopped, failed, values]

    for result in in_processes(2, work):
        position = [(None, 1.0, False), ("terminated", 5.0, False), (None, 7.0, True)]
        assert result == [*position, [{"rank": 0}, {"rank": 1}]]


@pytest.mark.parametrize("error", [ConfigurationError, NonFiniteLossError])
def test_what_fails_in_one_process_fails_in_all_and_is_told_once(
    error: type[Exception], in_processes: Callable[..., list[Any]]
) -> None:
    def work() -> list[tuple[str, bool, bool]]:
        processes = join_processes()
        seen = []
        for failing in ((0,), (1,), (0, 1)):
            try:
                with processes.together():
                    if processes.rank in failing:
                        raise error(f"no such thing, says {processes.rank}")
            except (ProcessesError, error) as caught:  # type: ignore[misc]
                seen.append((str(caught), isinstance(caught, error), getattr(caught, "told", False)))
        with processes.together():
            seen.append(("nothing", False, False))
        return seen

    main, other = in_processes(2, work)
    assert main[0] == ("no such thing, says 0", True, False)
    assert "process 1 of 2 on " in main[1][0]
    assert "no such thing, says 1" in main[1][0]
    assert main[2] == ("no such thing, says 0", True, False)
    assert [told for _, _, told in other] == [True, True, True, False]
    assert main[3] == other[3] == ("nothing", False, False)


def test_one_process_of_a_machine_goes_first(in_processes: Callable[..., list[Any]], tmp_path: Any) -> None:
    def work() -> bool:
        processes = join_processes()
        with processes.first_on_machine():
            there = (tmp_path / "made").exists()
            (tmp_path / "made").touch()
        return there

    assert in_processes(3, work) == [False, True, True]


def test_a_process_that_ends_ends_the_others(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> str:
        processes = join_processes()
        if processes.rank == 1:
            return "gone"
        with pytest.raises(ProcessesError, match=r"another process of this run has ended .*--resume") as caught:
            processes.add_up([torch.ones(1)])
        assert "\n" not in str(caught.value)
        assert not caught.value.told
        return "told"

    assert in_processes(2, work) == ["told", "gone"]


def test_a_mistake_of_the_program_keeps_its_kind_where_it_is(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> str:
        processes = join_processes()
        try:
            with processes.together():
                if processes.rank == 1:
                    raise TypeError("no such argument")
        except (TypeError, ProcessesError) as error:
            return f"{type(error).__name__}: {error}"
        return "nothing"

    main, other = in_processes(2, work)
    assert main.startswith("ProcessesError: process 1 of 2 on ")
    assert main.endswith(": TypeError: no such argument")
    assert other == "TypeError: no such argument"


def test_copies_of_networks_keep_their_processes() -> None:
    processes = Processes(1, 2)
    assert copy.deepcopy(processes) is processes
