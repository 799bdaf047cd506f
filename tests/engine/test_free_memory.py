"""How much main memory may be used."""

from pathlib import Path

import pytest

from priorkit.engine import free_memory


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize("limit", ["max\n", "99999999999\n", None])
def test_what_caches_hold_is_free(tmp_path: Path, limit: str | None) -> None:
    put(tmp_path, "proc/meminfo", "MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable:    5000 kB\n")
    if limit is not None:
        put(tmp_path, "sys/fs/cgroup/memory.max", limit)
        put(tmp_path, "sys/fs/cgroup/memory.current", "100\n")
    assert free_memory(tmp_path) == 5000 * 1024


@pytest.mark.parametrize(
    ("limit", "used"),
    [("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")],
)
def test_a_container_has_its_share(tmp_path: Path, limit: str, used: str) -> None:
    put(tmp_path, "proc/meminfo", "MemAvailable: 5000 kB\n")
    put(tmp_path, f"sys/fs/cgroup/{limit}", "3000\n")
    put(tmp_path, f"sys/fs/cgroup/{used}", "1000\n")
    assert free_memory(tmp_path) == 2000
    put(tmp_path, f"sys/fs/cgroup/{used}", "4000\n")
    assert free_memory(tmp_path) == 0


def test_elsewhere_something_is_assumed(tmp_path: Path) -> None:
    assert free_memory(tmp_path) >= 2**28
