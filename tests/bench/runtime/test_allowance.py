"""What a process may use: CPU affinity and control groups, of versions 1 and 2, on faked system files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT

from bench.runtime import allowance as module
from bench.runtime.allowance import Allowance, allowance

GB = 10**9
V1 = """\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 {top} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
"""
V2 = "29 23 0:26 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """64 processors and 256 GB."""
    monkeypatch.setattr(module, "_schedulable", lambda: 64)
    monkeypatch.setattr(module, "_installed_memory", lambda: 256 * GB)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def v1(root: Path, path: str, top: str = "/", **files: str) -> Path:
    membership = f"9:name=systemd:/\n4:memory:{path}\n2:cpu,cpuacct:{path}\n0::/\n"
    return write(root, {"proc/self/cgroup": membership, "proc/self/mountinfo": V1.format(top=top), **files})


def v2(root: Path, path: str, top: str = "/", **files: str) -> Path:
    return write(root, {"proc/self/cgroup": f"0::{path}\n", "proc/self/mountinfo": V2.format(top=top), **files})


def test_without_control_groups_the_machine_counts(tmp_path):
    assert allowance(tmp_path) == Allowance(64, 256 * GB)


def test_a_job_of_slurm_has_the_limits_of_its_own_group_and_of_those_above(tmp_path):
    groups = "sys/fs/cgroup/system.slice"
    root = v2(
        tmp_path,
        "/system.slice/job_7/step_0",
        **{
            f"{groups}/cpu.max": "max 100000\n",
            f"{groups}/job_7/cpu.max": "400000 100000\n",
            f"{groups}/job_7/memory.max": f"{8 * GB}\n",
            f"{groups}/job_7/step_0/cpu.max": "max 100000\n",
            f"{groups}/job_7/step_0/memory.max": "max\n",
        },
    )
    assert allowance(root) == Allowance(4, 8 * GB)


def test_a_container_sees_its_own_group_as_the_top(tmp_path):
    root = v2(tmp_path, "/", **{"sys/fs/cgroup/cpu.max": "250000 100000", "sys/fs/cgroup/memory.max": f"{2 * GB}"})
    assert allowance(root) == Allowance(2, 2 * GB)


@pytest.mark.parametrize("top", ["/", "/docker/abc"])
def test_a_container_of_version_1_may_know_its_path_on_the_host(tmp_path, top):
    """The path that it is told exists on the host only; the mounted top is its group."""
    root = v1(
        tmp_path,
        "/docker/abc",
        top,
        **{
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GB}\n",
        },
    )
    assert allowance(root) == Allowance(1, GB)


def test_version_1_without_limits(tmp_path):
    root = v1(
        tmp_path,
        "/user",
        **{
            "sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/user/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert allowance(root) == Allowance(64, 256 * GB)


@pytest.mark.parametrize("path", ["/../../elsewhere", "/not/mounted", "/a:b"])
@pytest.mark.parametrize("text", ["", "many\n", "100000\n", "1 0\n", "0 100000\n"])
def test_odd_paths_and_odd_files_limit_nothing(tmp_path, path, text):
    root = v2(tmp_path, path, **{"sys/fs/cgroup/cpu.max": text, "sys/fs/cgroup/memory.max": "unlimited"})
    assert allowance(root) == Allowance(64, 256 * GB)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_the_affinity_of_this_process_counts():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from bench.runtime.allowance import allowance; print(allowance().cpus)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_as_many_processes_fit_as_processors_and_memory_allow():
    machine = Allowance(cpus=64, memory=10 * GB)
    assert machine.at_once(cpus=1, memory=GB) == 10
    assert machine.at_once(cpus=16, memory=GB) == 4
    assert machine.at_once(cpus=100, memory=GB) == 1
    assert machine.at_once(cpus=1, memory=100 * GB) == 1
