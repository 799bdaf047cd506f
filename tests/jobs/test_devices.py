import os

import pytest
import torch

from priorkit.jobs import default_jobs, worker_environments


@pytest.fixture
def cuda(monkeypatch):
    """Lets this machine seem to have three CUDA devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_processors_are_shared_out(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert [found["OMP_NUM_THREADS"] for found in worker_environments(3, "cpu")] == ["2", "2", "2"]
    assert worker_environments(16, "cpu")[0]["OMP_NUM_THREADS"] == "1"


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert "OMP_NUM_THREADS" not in worker_environments(2, "cpu")[0]


def test_devices_in_turn(cuda):
    found = [item["CUDA_VISIBLE_DEVICES"] for item in worker_environments(4, "auto")]
    assert found == ["0", "1", "2", "0"]
    assert default_jobs("auto") == 3
    assert default_jobs("cpu") == default_jobs("cuda:1") == 1


def test_of_the_devices_that_the_user_allows(cuda, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,4,5")
    assert [item["CUDA_VISIBLE_DEVICES"] for item in worker_environments(2, "cuda")] == ["7", "4"]


def test_one_device_by_name_is_everybodys(cuda):
    assert "CUDA_VISIBLE_DEVICES" not in worker_environments(2, "cuda:1")[1]
