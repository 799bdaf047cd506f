"""Finds the processes that torchrun has started."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from priorkit.distributed import abandon_processes, join_processes, leave_processes
from priorkit.errors import ProcessesError

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    leave_processes()
    yield
    leave_processes()


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert join_processes().count == 1
    leave_processes()
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert join_processes().count == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"RANK": "0", "WORLD_SIZE": "2"},
            "WORLD_SIZE=2 but no MASTER_ADDR, MASTER_PORT: .*torchrun --nproc-per-node N",
        ),
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE=2 but no RANK, MASTER_ADDR, MASTER_PORT"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE='two', but a number was expected"),
        ({"WORLD_SIZE": "1", "LOCAL_RANK": "-1"}, "LOCAL_RANK='-1', but a number was expected"),
    ],
)
def test_half_an_environment_is_refused(given: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProcessesError, match=message):
        join_processes()


def test_a_port_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        values = ("0", "2", "0", "2", "127.0.0.1", str(taken.getsockname()[1]))
        for name, value in zip(NAMES, values, strict=True):
            monkeypatch.setenv(name, value)
        with pytest.raises(ProcessesError, match=r"cannot meet at 127\.0\.0\.1:\d+ .*another --master-port") as caught:
            join_processes()
    assert "\n" not in str(caught.value)


def test_joining_twice_gives_the_same_processes(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> list[Any]:
        processes = join_processes()
        return [join_processes() is processes, processes.rank, processes.local_rank, processes.local_count]

    assert in_processes(2, work) == [[True, 0, 0, 2], [True, 1, 1, 2]]


def test_a_group_of_the_programs_own_is_used_and_left_alone(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> list[Any]:
        from torch import distributed as dist

        for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
            del os.environ[name]
        dist.init_process_group("gloo")
        processes = join_processes()
        found = [processes.count, processes.local_rank, processes.local_count]
        leave_processes()
        still = dist.is_initialized()
        dist.destroy_process_group()
        return [*found, still]

    assert in_processes(2, work) == [[2, 0, 2, True], [2, 1, 2, True]]


@pytest.mark.parametrize("own_group", [False, True])
@pytest.mark.parametrize("count", [2, 3])
def test_who_fails_and_lives_on_is_not_waited_for(
    count: int, own_group: bool, in_processes: Callable[..., list[Any]]
) -> None:
    """... and all may join anew, as a program does that goes on after a run that has failed."""

    def work() -> list[Any]:
        from torch import distributed as dist

        if own_group:
            dist.init_process_group("gloo")
        seen: list[Any] = []
        for attempt in range(3):
            processes = join_processes()
            sums = torch.ones(1)
            processes.add_up([sums])
            seen.append(sums.item())
            if processes.rank == 1:
                abandon_processes(processes)
                time.sleep(0.5 * (attempt == 0))
                continue
            try:
                processes.gather(None) if attempt == 1 else processes.add_up([sums])
            except ProcessesError as error:
                seen.append("another process of this run has ended" in str(error))
                abandon_processes(processes)
        assert dist.is_initialized() == own_group
        return seen

    first, second, *others = in_processes(count, work)
    assert first == [count, True] * 3
    assert second == [count] * 3
    assert others == [first] * len(others)


def test_processes_given_up_before_are_not_given_up_again(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> bool:
        before = join_processes()
        abandon_processes(before)
        processes = join_processes()
        abandon_processes(before)
        with pytest.raises(ProcessesError, match=r"have abandoned it after an error; .*--resume RUN"):
            before.gather(1)
        return join_processes() is processes and processes.gather(1) == [1, 1]

    assert in_processes(2, work) == [True, True]
