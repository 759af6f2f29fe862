"""How many processors and how much memory this process may use, which can be less than what the machine has.

SLURM, containers and `taskset` restrict a process by its CPU affinity and by its control groups (cgroups, version 1 or
2). A limit of any ancestor of the process's group applies too.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

V2 = ""  # the name of version 2's only hierarchy in /proc/self/cgroup


@dataclass(frozen=True)
class Allowance:
    """What this process and its children may use together: cpus, at least 1, and bytes of memory."""

    cpus: int
    memory: int

    def at_once(self, cpus: int, memory: int) -> int:
        """Return how many processes with these needs fit at a time; at least 1."""
        return max(1, min(self.cpus // cpus, self.memory // memory))


def allowance(root: Path = Path("/")) -> Allowance:
    """Return the allowance of this process. root: where /proc and /sys are; tests use another."""
    groups = list(_control_groups(root))
    quotas = [_cpu_quota(folder, name) for name, folder in groups if name in (V2, "cpu")]
    limits = [_memory_limit(folder, name) for name, folder in groups if name in (V2, "memory")]
    cpus = min([_schedulable(), *(quota for quota in quotas if quota is not None)])
    return Allowance(max(1, int(cpus)), min([_installed_memory(), *(limit for limit in limits if limit is not None)]))


def _schedulable() -> float:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _installed_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _control_groups(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the hierarchy's name (a controller, or V2) and the folder of each control group that limits this process.

    In a container, the groups above its own are not mounted; there the mounted top is the container's group.
    """
    paths: dict[str, str] = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, names, path = line.split(":", 2)
        paths |= dict.fromkeys(names.split(","), path)
    for line in _lines(root / "proc/self/mountinfo"):  # proc_pid_mountinfo(5)
        mount, _, source = line.partition(" - ")
        top, point = mount.split(" ")[3:5]
        kind, *_, options = source.split(" ")
        names = {"cgroup2": [V2], "cgroup": options.split(",")}.get(kind, [])
        for name in paths.keys() & names:
            inside = _below(PurePosixPath(paths[name]), PurePosixPath(top))
            for part in (inside, *inside.parents):
                yield name, root / point.lstrip("/") / part


def _below(path: PurePosixPath, top: PurePosixPath) -> PurePosixPath:
    """Return `path` relative to `top`; the top itself if the path is not below it."""
    return path.relative_to(top) if path.is_relative_to(top) and ".." not in path.parts else PurePosixPath()


def _cpu_quota(folder: Path, name: str) -> float | None:
    """Return the CPUs that a group may use, None without a limit."""
    if name == V2:
        words = " ".join(_lines(folder / "cpu.max")).split()  # "max 100000" without a limit
    else:
        words = [line for file in ("cpu.cfs_quota_us", "cpu.cfs_period_us") for line in _lines(folder / file)]
    with suppress(ValueError, ZeroDivisionError):
        quota, period = map(int, words)
        return quota / period if quota > 0 else None  # -1 without a limit
    return None


def _memory_limit(folder: Path, name: str) -> int | None:
    """Return the bytes that a group may use, None without a limit."""
    with suppress(ValueError):
        return int("".join(_lines(folder / ("memory.max" if name == V2 else "memory.limit_in_bytes"))))
    return None


def _lines(path: Path) -> list[str]:
    """The lines of a system file; none if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
