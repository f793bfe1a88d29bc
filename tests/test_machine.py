"""What vaedyn takes of the machine that it runs on."""

import os
from pathlib import Path

import pytest

from vaedyn import machine


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", {0: {1, 5, 6}, 1: {1}}.get, raising=False)
    assert machine.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert machine.cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores() == 1


@pytest.mark.parametrize(("files", "free"), [
    ({}, float("inf")),
    ({"/proc/meminfo": "MemTotal: 9 kB\nMemFree: 8 kB\nMemAvailable:   7 kB\n"}, 7 * 1024),
    ({"/proc/meminfo": "MemTotal: 9 kB\n"}, float("inf")),
    ({"/proc/meminfo": "MemAvailable: 7 kB\n", "/sys/fs/cgroup/memory.max": "6000\n",
      "/sys/fs/cgroup/memory.current": "1500\n"}, 4500),
    ({"/proc/meminfo": "MemAvailable: 4 kB\n", "/sys/fs/cgroup/memory.max": "6000\n",
      "/sys/fs/cgroup/memory.current": "1500\n"}, 4096),
    ({"/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/memory.current": "1500\n"},
     float("inf")),
])  # fmt: skip
def test_free_memory_is_the_least_that_the_machine_and_a_container_leave(monkeypatch, files, free):
    def read(path):
        if str(path) not in files:
            raise FileNotFoundError
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read)
    assert machine.free_memory() == free
