"""Images read ahead by processes of their own."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.data import stream as module
from priorkit.data.stream import Stream, default_workers
from priorkit.engine import DataOrder
from priorkit.errors import DataError
from priorkit.interfaces import ImageSet, StoredImages

N, SIZE = 23, 4

Make = Callable[..., Stream]


@pytest.fixture
def make(kept_images: Callable[..., StoredImages]) -> Iterator[Make]:
    """Makes streams whose images say their number; ends them after the test."""
    streams = []

    def make(
        workers: int = 2, share: slice = slice(None), images: StoredImages | None = None, **options: Any
    ) -> Stream:
        pixels = torch.arange(N, dtype=torch.uint8).view(N, 1, 1, 1).expand(N, 1, 2, 2).contiguous()
        stored = ImageSet(images or kept_images(pixels, **options))
        order = DataOrder(N, seed=3)
        streams.append(Stream(stored, order, SIZE, share=share, workers=workers, pin_memory=False))
        return streams[-1]

    yield make
    for stream in streams:
        stream.close()


def numbers(stream: Stream, position: int) -> list[int]:
    return stream.at(position)[:, 0, 0, 0].tolist()


def expected(position: int) -> list[int]:
    return DataOrder(N, seed=3).batch(position, SIZE).tolist()


def processes() -> list[int]:
    return sorted(process.pid or 0 for process in multiprocessing.active_children())


def gone(pid: int, seconds: float = 30) -> bool:
    """Whether a process that is no child of ours ends soon; nobody may have taken note of it yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_order_is_kept_over_passes_and_from_any_position(make: Make, workers: int) -> None:
    stream = make(workers)
    # On from 0 over the end of the pass; then as a resumed run; then back.
    for position in [*range(0, 60, SIZE), 14, 18, 22, 6]:
        assert numbers(stream, position) == expected(position)


def test_each_process_of_a_run_reads_its_share(make: Make) -> None:
    shares = [make(1, share=slice(part, None, 2)) for part in range(2)]
    for position in range(0, 40, SIZE):
        for part, stream in enumerate(shares):
            assert numbers(stream, position) == expected(position)[part::2]


def test_the_same_processes_read_to_the_end(make: Make) -> None:
    before = processes()
    stream = make(2)
    stream.at(0)
    started = processes()
    assert len(started) == len(before) + 2
    for position in range(SIZE, 100, SIZE):
        stream.at(position)
    assert processes() == started


def test_closing_ends_the_processes_and_the_next_batch_starts_them(make: Make) -> None:
    before = processes()
    stream = make(2)
    for position in (0, SIZE):
        assert numbers(stream, position) == expected(position)
        assert processes() != before
        stream.close()
        assert processes() == before
    stream.close()


def test_a_stream_that_is_dropped_leaves_no_process(make: Make, kept_images: Callable[..., StoredImages]) -> None:
    before = processes()
    images = ImageSet(kept_images(torch.zeros(N, 1, 2, 2, dtype=torch.uint8)))
    stream = Stream(images, DataOrder(N, 0), SIZE, share=slice(None), workers=2, pin_memory=False)
    stream.at(0)
    assert processes() != before
    del stream
    assert processes() == before


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_image_is_one_line_where_it_is_due(make: Make, workers: int) -> None:
    broken = DataOrder(N, seed=3).batch(9, 1).tolist()
    stream = make(workers, broken=broken)
    assert [numbers(stream, position) for position in (0, 4)] == [expected(0), expected(4)]
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            stream.at(8)
        assert str(caught.value) == f"image {broken[0]} is broken"
    assert numbers(stream, 12) == expected(12)


def test_processes_leave_signals_to_the_training_process(make: Make) -> None:
    before = processes()
    received = []
    handler = signal.signal(signal.SIGTERM, lambda number, frame: received.append(os.getpid()))
    try:
        stream = make(1)
        stream.at(0)
        (pid,) = set(processes()) - set(before)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)
        for position in range(SIZE, 60, SIZE):
            assert numbers(stream, position) == expected(position)
        assert processes() == sorted([*before, pid])
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert received == []


@pytest.mark.whole
def test_a_process_that_was_killed_is_explained(make: Make) -> None:
    before = processes()
    stream = make(1)
    stream.at(0)
    (pid,) = set(processes()) - set(before)
    os.kill(pid, signal.SIGKILL)

    def read_on() -> None:
        for position in range(SIZE, 100, SIZE):
            stream.at(position)

    with pytest.raises(DataError, match=r"a process that reads images has ended.*--workers, now 1") as caught:
        read_on()
    assert "\n" not in str(caught.value)
    stream.close()
    assert numbers(stream, 0) == expected(0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_processes_end_with_a_training_process_that_is_killed(make: Make) -> None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    trainer = os.fork()
    if not trainer:
        # Whatever happens, this copy of the test does not go on.
        try:
            make(2).at(0)
            sender.send(processes())
            signal.pause()
        finally:
            os._exit(1)
    assert receiver.poll(60)
    readers = receiver.recv()
    os.kill(trainer, signal.SIGKILL)
    os.waitpid(trainer, 0)
    assert len(readers) == 2
    assert all(gone(pid) for pid in readers)


@pytest.mark.whole
@pytest.mark.parametrize("end", [pytest.param("", marks=pytest.mark.slow), "raise SystemExit(7)"])
def test_a_program_that_closes_nothing_ends(tmp_path: Path, end: str) -> None:
    program = f"""
import torch
from priorkit.engine import DataOrder
from priorkit.interfaces import ImageSet, StoredImages
from priorkit.data.stream import Stream

class Black(StoredImages):
    shape = (1, 1, 1)
    def __len__(self): return 9
    def read(self, indices): return torch.zeros(len(indices), 1, 1, 1, dtype=torch.uint8)
    def fingerprint(self): return ""

stream = Stream(ImageSet(Black()), DataOrder(9, 0), 4, share=slice(None), workers=2, pin_memory=False)
stream.at(0)
{end}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (7 if end else 0, "")


def test_processes_outlive_the_thread_that_started_them(make: Make) -> None:
    stream = make(1)
    thread = threading.Thread(target=lambda: stream.at(0))
    thread.start()
    thread.join()
    started = processes()
    time.sleep(0.2)
    for position in range(SIZE, 60, SIZE):
        assert numbers(stream, position) == expected(position)
    assert processes() == started


class Stuck(StoredImages):
    """On a disk that does not answer, but for the first batch."""

    shape = (1, 1, 1)

    def __len__(self) -> int:
        return N

    def read(self, indices: torch.Tensor) -> torch.Tensor:
        if indices.tolist() != expected(0):
            time.sleep(600)
        return indices.byte().view(-1, 1, 1, 1)

    def fingerprint(self) -> str:
        return ""


def test_closing_does_not_wait_for_a_disk_for_ever(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 0.1)
    before = processes()
    stream = make(2, images=Stuck())
    assert numbers(stream, 0) == expected(0)
    stream.close()
    assert processes() == before


class Counting(StoredImages):
    """Says how many threads the process that reads computes with, and which one it is."""

    shape = (1, 1, 1)

    def __len__(self) -> int:
        return N

    def read(self, indices: torch.Tensor) -> torch.Tensor:
        return torch.full((len(indices), 1, 1, 1), torch.get_num_threads(), dtype=torch.uint8)

    def fingerprint(self) -> str:
        return ""


def test_processes_compute_with_one_thread(make: Make) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert set(numbers(make(1, images=Counting()), 0)) == {1}
        assert set(numbers(make(0, images=Counting()), 0)) == {2}
    finally:
        torch.set_num_threads(threads)


def test_the_runs_own_randomness_is_left_alone(make: Make) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    make(2).at(0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("method", "processors", "device", "workers"),
    [
        ("fork", 1, "cpu", 0),
        ("fork", 2, "cpu", 0),
        ("fork", 2, "cuda", 2),
        ("fork", 4, "cpu", 4),
        ("fork", 64, "cuda", 8),
        ("spawn", 8, "cuda", 0),
    ],
)
def test_the_number_of_processes_follows_the_machine(
    monkeypatch: pytest.MonkeyPatch, method: str, processors: int, device: str, workers: int
) -> None:
    monkeypatch.setattr(module, "_start_method", lambda: method)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(processors)))
    assert default_workers(torch.device(device)) == workers
