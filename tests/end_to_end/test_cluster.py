"""Ray clusters of several nodes on this machine: where trials run, and what happens to them when a node is lost."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from runs import Process, rows_of, sets

from bench.store.folders import ExperimentFolder, TrialFolder

pytestmark = pytest.mark.slow

BUDGET = sets(training__epochs="40", training__train_images="1000", evaluation__evaluations="3", network__width="4")
TWELVE = ["--methods", "moco,mmd,vae", "--seeds", "4", "--checkpoint-seconds", "0.5", *BUDGET]


@pytest.fixture
def cluster():
    """Three raylets of two CPUs each; [0] is the head."""
    from ray.cluster_utils import Cluster

    memory = 80 * 2**20
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "object_store_memory": memory})
    nodes = [made.head_node, *(made.add_node(num_cpus=2, object_store_memory=memory) for _ in range(2))]
    made.wait_for_nodes()
    yield made, nodes
    made.shutdown()


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """Rows of the twelve trials by the serial executor."""

    folder = tmp_path_factory.mktemp("serial")
    process = Process(folder / "out", "--data-root", str(folder / "data"), "--executor", "serial", *TWELVE)
    code, output = process.finish(600)
    assert code == 0, output
    return rows_of(folder / "out")


def nodes_of(folder: ExperimentFolder) -> Counter:
    return Counter(trial.environment().node for trial in folder.trials())


def test_twelve_trials_run_on_three_nodes_and_equal_the_serial_executors(cluster, start_run, serial, tmp_path):
    made, _ = cluster
    code, output = start_run(*TWELVE, "--address", made.address).finish(600)
    assert code == 0, output
    folder = ExperimentFolder(tmp_path / "out")
    assert len(nodes_of(folder)) == 3
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), serial, check_exact=True)


def pid_of(trial: TrialFolder) -> int:
    return trial.status().attempts[-1].pid


def halted(trial: TrialFolder) -> bool:
    """Stop the process of a trial on its way, with a checkpoint to go on from; whether it could not end before."""

    def under_way() -> bool:
        return trial.status().state == "running" and trial.exists("checkpoint.pt")

    if not under_way():
        return False
    os.kill(pid_of(trial), signal.SIGSTOP)
    if under_way():
        return True
    os.kill(pid_of(trial), signal.SIGCONT)
    return False


def test_trials_of_a_killed_node_go_on_elsewhere_and_no_row_is_lost_or_doubled(cluster, start_run, serial, tmp_path):
    made, nodes = cluster
    run = start_run(*TWELVE, "--address", made.address)
    folder = ExperimentFolder(tmp_path / "out")
    victim = nodes[2]
    there = {}
    deadline = time.monotonic() + 300
    while len(there) < 2:
        assert time.monotonic() < deadline, run.finish()
        for trial in folder.trials():
            if trial.name not in there and trial.environment().node == victim.node_id and halted(trial):
                there[trial.name] = pid_of(trial)
        time.sleep(0.05)
    os.kill(victim.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    for pid in there.values():  # a lost machine's processes end with it
        os.kill(pid, signal.SIGKILL)
    code, output = run.finish(900)
    assert code == 0, output
    moved = [trial for trial in folder.trials() if trial.name in there]
    assert len(moved) == 2
    assert all(trial.status().attempts[-1].from_step for trial in moved)
    assert all(trial.environment().node != victim.node_id for trial in moved)
    assert len(folder.trials()) == 12
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), serial, check_exact=True)


def can_mount() -> bool:
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


def alive(cluster) -> int:
    return len([node for node in cluster.global_state.node_table() if node["Alive"]])


@pytest.fixture
def apart(tmp_path):
    """A head without CPUs, and two nodes that see neither data nor results, but empty folders in their places."""
    from ray.cluster_utils import Cluster

    if not can_mount():
        pytest.skip("hiding folders from a node needs the right to mount")
    hidden = [tmp_path / name for name in ("data", "out", "out2")]
    for folder in hidden:
        folder.mkdir()
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 80 * 2**20})
    ray = Path(sys.executable).parent / "ray"
    started = []
    for number in range(2):
        hide = " && ".join(f"mount -t tmpfs none {folder}" for folder in hidden)
        start = f"{ray} start --block --address {made.address} --num-cpus 1 --resources '{{\"apart\": 1}}'"
        start += " --min-worker-port 0 --max-worker-port 0 --object-store-memory 83886080"
        environment = os.environ | {"WAE_BENCH_NODE_CACHE": str(tmp_path / f"cache{number}")}
        command = ["unshare", "-m", "sh", "-c", f"{hide} && exec {start}"]
        log = (tmp_path / f"node{number}.log").open("w")
        started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))
        deadline = time.monotonic() + 120
        while alive(made) < 2 + number:  # one after another, or both would take the same names for their sockets
            assert time.monotonic() < deadline, Path(log.name).read_text()
            time.sleep(0.5)
    yield made
    for process in started:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    made.shutdown()


def test_nodes_that_share_nothing_fetch_their_data_once_and_train_into_a_store(apart, start_run, tmp_path, s3_server):
    command = ["--methods", "mmd,vae", "--seeds", "2", *sets()]
    asked = ["--address", apart.address, "--resource", "apart=1"]
    blind = start_run(*command, *asked, out="out")
    code, output = blind.finish()
    assert code == 1
    assert "2 of 2 nodes (such as " in output, output
    assert "cannot read" in output
    run = start_run(*command, *asked, "--storage", s3_server.uri("apart"), out="out2")
    code, output = run.finish()
    assert code == 0, output
    assert len(nodes_of(ExperimentFolder(tmp_path / "out2"))) == 2
    assert start_run(*command, "--executor", "serial", out="serial").finish()[0] == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out2"), rows_of(tmp_path / "serial"), check_exact=True)
    for number in range(2):
        kinds = [path.name.partition("-")[0] for path in (tmp_path / f"cache{number}").iterdir() if path.is_dir()]
        assert sorted(kinds) == ["data", "extractor", "features"]
