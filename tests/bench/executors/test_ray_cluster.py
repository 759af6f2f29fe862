"""Connecting to a Ray cluster, and how many trials its nodes take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.executors import base
from bench.executors.base import Resources
from bench.executors.ray import cluster as ray_cluster
from bench.runtime.allowance import Allowance


@pytest.mark.parametrize(
    ("address", "status", "message"),
    [
        ("127.0.0.1:1", 1, "error: no Ray cluster answers at 127.0.0.1:1"),
        ("ray://127.0.0.1:1", 2, "error: a Ray Client address cannot be used"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_one_line(address, status, message):
    with pytest.raises(UserError) as error:
        ray_cluster.connect(Resources(address=address))
    assert message.removeprefix("error: ") in str(error.value)
    assert error.value.exit_code == status
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("node", "cpus", "gpus", "places"),
    [
        ({"CPU": 4}, 1, 0, 4),
        ({"CPU": 4}, 3, 0, 1),
        ({"CPU": 1}, 2, 0, 0),
        ({"CPU": 16, "GPU": 2}, 1, 0.25, 8),
        ({"CPU": 16, "GPU": 2}, 1, 0.4, 4),
        ({"CPU": 16, "GPU": 2}, 1, 1, 2),
        ({"CPU": 16, "GPU": 3}, 1, 2, 1),
        ({"CPU": 16}, 1, 1, 0),
    ],
)
def test_how_many_trials_fit_on_a_node(node, cpus, gpus, places):
    assert ray_cluster.capacity(node, Resources(cpus), gpus) == places


def test_a_local_cluster_has_the_cpus_that_this_process_may_use(monkeypatch):
    options = {}
    monkeypatch.setattr(ray_cluster, "allowance", lambda: Allowance(4, 8 * 10**9))
    monkeypatch.setattr(ray_cluster.ray, "init", options.update)
    ray_cluster.connect(Resources())
    assert options["num_cpus"] == 4


def test_a_local_cluster_needs_no_home_for_its_token(monkeypatch):
    monkeypatch.setattr(ray_cluster.ray, "init", lambda **_: None)
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    ray_cluster.connect(Resources())
    assert len(os.environ.pop("RAY_AUTH_TOKEN")) == 64
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/somewhere")
    ray_cluster.connect(Resources())
    assert "RAY_AUTH_TOKEN" not in os.environ


def test_a_cluster_with_another_token_is_one_line_with_what_to_set(monkeypatch):
    def refuse(**_):
        raise ConnectionError("Failed to connect to Ray cluster at 127.0.0.1:6379\\nmore")

    monkeypatch.setattr(ray_cluster.ray, "init", refuse)
    with pytest.raises(UserError, match=r"Failed to connect .*; if its token differs, set RAY_AUTH_TOKEN as on"):
        ray_cluster.connect(Resources(address="auto"))


def test_memory_limits_the_trials_of_a_local_cluster_unless_their_number_is_given(monkeypatch):
    monkeypatch.setattr(base, "allowance", lambda: Allowance(64, 3 * base.TRIAL_BYTES))
    monkeypatch.setattr(ray_cluster.ray, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 64.0}}])
    assert ray_cluster.fit(Resources(), trials=100) == (0, 3)
    assert ray_cluster.fit(Resources(max_concurrent=16), trials=100) == (0, 16)
    assert ray_cluster.fit(Resources(address="auto"), trials=100) == (0, 64)


def test_a_clusters_own_resources_limit_the_trials_of_a_node():
    node = {"CPU": 8, "GPU": 4, "a100": 2}
    assert ray_cluster.capacity(node, Resources(1, custom={"a100": 1}), 0.25) == 2
    assert ray_cluster.capacity(node, Resources(1, custom={"a100": 0.25}), 0.25) == 8
    assert ray_cluster.capacity(node, Resources(1, custom={"h100": 1}), 0.25) == 0


WORKERS = """
import time
from pathlib import Path

import ray

from bench.executors.base import Resources
from bench.executors.ray import cluster


def workers():
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    node = ray._private.worker._global_node
    raylet = next(each.process.pid for each in node.all_processes["raylet"])
    lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid, parent in parents.items() if parent == raylet]
    return sum("default_worker.py" in line or line.startswith("ray::") and "Agent" not in line for line in lines)


cluster.connect(Resources())
time.sleep(3)
before = workers()
ray.get(ray.remote(lambda: None).remote())
print("workers:", before, "then", workers())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it counts processes in /proc")
def test_a_local_cluster_starts_workers_only_for_work():
    """Tune's trials have an environment of their own, so workers started in advance would be ended unused."""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", WORKERS], cwd=root, capture_output=True, text=True, check=True)
    before, _, after = done.stdout.rpartition("workers: ")[2].partition(" then ")
    assert (int(before), int(after) > 0) == (0, True)
