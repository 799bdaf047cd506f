"""Sums through memory that processes share."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.distributed import Processes, join_processes, shared_memory
from priorkit.distributed.shared_memory import SharedMemory, share_memory
from priorkit.errors import ProcessesError

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not hasattr(os, "pidfd_open"), reason="needs Linux on x86-64"
)


def test_sums_are_those_of_the_tensors_and_the_same_everywhere(in_processes: Callable[..., list[Any]]) -> None:
    sizes = (1, 2, 7, 1000, 2**21 // 8 + 3)

    def work() -> list[torch.Tensor]:
        processes = join_processes()
        memory = share_memory(processes.rank, processes.count, processes.gather)
        assert memory is not None
        sums = []
        for size in sizes:
            for dtype in (torch.float32, torch.float64, torch.int64, torch.bfloat16):
                generator = torch.Generator().manual_seed(size + processes.rank)
                values = (torch.randn(size, generator=generator, dtype=torch.float64) * 8).to(dtype)
                memory.add_up(values)
                sums.append(values)
        return sums

    results = in_processes(3, work)
    cases = [(size, dtype) for size in sizes for dtype in (torch.float32, torch.float64, torch.int64, torch.bfloat16)]
    for number, (size, dtype) in enumerate(cases):
        draws = [torch.Generator().manual_seed(size + rank) for rank in range(3)]
        parts = [(torch.randn(size, generator=draw, dtype=torch.float64) * 8).to(dtype) for draw in draws]
        expected = torch.stack(parts).sum(0)
        for result in results:
            torch.testing.assert_close(result[number], expected)
            assert torch.equal(result[number], results[0][number])


def test_processes_wait_for_the_slowest_and_nobody_reads_an_old_sum(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> list[float]:
        processes = join_processes()
        memory = share_memory(processes.rank, processes.count, processes.gather)
        assert memory is not None
        seen = []
        for turn in range(300):
            if turn % 100 == 30 + 10 * processes.rank:
                time.sleep(0.05)
            value = torch.full((5,), float(turn))
            memory.add_up(value)
            assert value.unique().numel() == 1
            seen.append(float(value[0]))
        return seen

    for result in in_processes(3, work):
        assert result == [3.0 * turn for turn in range(300)]


def test_a_process_that_ends_is_noticed(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> str:
        processes = join_processes()
        memory = share_memory(processes.rank, processes.count, processes.gather)
        assert memory is not None
        if processes.rank == 1:
            return "gone"
        with pytest.raises(ProcessesError, match="process 1 of 2 has failed or ended"):
            memory.add_up(torch.ones(3))
        return "noticed"

    assert in_processes(2, work) == ["noticed", "gone"]


def test_no_file_is_left(in_processes: Callable[..., list[Any]], tmp_path: Path) -> None:
    def work() -> list[str]:
        import tempfile

        tempfile.tempdir = str(tmp_path)
        os.access = lambda *_: False  # type: ignore[assignment]
        processes = join_processes()
        assert share_memory(processes.rank, processes.count, processes.gather) is not None
        processes.gather(None)
        return [path.name for path in tmp_path.iterdir()]

    assert in_processes(2, work) == [[], []]


def test_an_end_shows_before_anybody_asks_for_it() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    end = shared_memory._End(child)
    for _ in range(500):
        if end.has_come():
            break
        time.sleep(0.01)
    # A zombie still has its number.
    os.kill(child, 0)
    assert end.has_come()
    os.waitpid(child, 0)
    assert not shared_memory._End(os.getpid()).has_come()


@pytest.mark.parametrize("defect", ["no room", "another processor", "one cannot open it", "another file"])
def test_without_it_messages_are_sent(defect: str, in_processes: Callable[..., list[Any]]) -> None:
    def work() -> Any:
        def refuse(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        if defect == "no room":
            os.posix_fallocate = refuse  # type: ignore[assignment]
        elif defect == "another processor":
            shared_memory._STRONGLY_ORDERED = ()
        elif defect == "another file":
            gather = Processes.gather
            other = (Path("/dev/null"), b"")
            Processes.gather = lambda self, value: [  # type: ignore[method-assign]
                other if isinstance(each, tuple) and isinstance(each[1], bytes) else each
                for each in gather(self, value)
            ]
        elif os.environ["RANK"] == "1":
            SharedMemory.__init__ = refuse  # type: ignore[method-assign,assignment]
        processes = join_processes()
        assert processes._memory is None
        value = torch.ones(2)
        processes.add_up([value])
        return value.tolist()

    assert in_processes(2, work) == [[2.0, 2.0], [2.0, 2.0]]
