"""A Ray cluster: connect to it, compute how many trials fit, and serve their inputs to its nodes."""

import logging
import os
import platform
import secrets
import socket
import time
import uuid
from contextlib import chdir, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.errors import RunError, UserError, cut, reason, say
from bench.executors import delivery
from bench.executors.base import Context, Inputs, Resources, trials_at_once
from bench.io.files import write_atomically
from bench.paths import ROOT
from bench.plugins.installation import package_paths
from bench.runtime import memory, signals
from bench.runtime.allowance import allowance

CONNECT_SECONDS = 5.0
BOOT_SECONDS = 600.0  # to wait for the first node with CPUs while a cluster starts
VISIBLE_SECONDS = 10  # to wait until a new file appears on shared storage
VISIBILITY_CHECK_SECONDS = 120.0  # to wait for the answers of all nodes
NOT_SENT = ("results", "tests", "docs", "benchmarks")  # folders of the project that workers do not need


def connect(resources: Resources) -> None:
    """Start Ray on this machine, or connect to the cluster at `resources.address`.

    Raises:
        UserError: the address is of Ray Client.
        RunError: no cluster answers there, or Ray does not start.
    """
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}
    if resources.address:
        _probe(resources.address)
        environment: dict[str, object] = {
            "working_dir": str(ROOT),
            "excludes": [f"/{name}/" for name in NOT_SENT],
            "env_vars": memory.ONE_ARENA,
        }
        modules = package_paths()
        if modules:  # with an empty list Ray never starts a worker: it takes the list for a module without a URI
            environment["py_modules"] = modules
        options |= {"address": resources.address, "runtime_env": environment}
        del options["include_dashboard"]
    else:
        # "local" starts a new cluster, even if one already runs on this machine or RAY_ADDRESS is set.
        # Images are memory-mapped files, so the object store stays almost empty.
        options |= {"address": "local", "object_store_memory": 100 * 2**20, "num_cpus": allowance().cpus}
        if (
            "RAY_AUTH_TOKEN_PATH" not in os.environ
        ):  # else Ray writes a token into the home folder, which may be read-only
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        os.environ.update(memory.ONE_ARENA)  # for Ray's processes, which inherit it; no effect on this one
    try:
        # Ray puts the driver's working folder first on the workers' path, where a methods.py would hide the package.
        with nullcontext() if resources.address else chdir(ROOT):
            ray.init(**options)
        signals.install()  # Ray's own handler of SIGTERM prints a native stack and exits
    except Exception as error:  # on an overloaded machine, Ray raises a plain Exception
        where = f"the Ray cluster at {resources.address}" if resources.address else "Ray on this machine"
        raise RunError(f"cannot start on {where}: {_explained(error, resources)}") from error


def _explained(error: Exception, resources: Resources) -> str:
    """Return the first line of an error of Ray, and what to do if it may be the token, which Ray may not name."""
    text = str(error)
    if resources.address and ("Failed to connect" in text or "token" in text.lower()):
        return f"{cut(reason(error))}; if its token differs, set RAY_AUTH_TOKEN as on its head node"
    return reason(error)


def _probe(address: str) -> None:
    """Check that a cluster answers. For a dead address this takes seconds, but ray.init retries for minutes."""
    if address.startswith("ray://"):
        raise UserError("a Ray Client address cannot be used; run this on a node of the cluster, with --address auto")
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as connection:
            # A cluster speaks gRPC over HTTP/2. HTTP/2 servers answer this preface with their settings (RFC 9113, 3.4).
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            frame = connection.recv(9)
    except OSError as error:
        problem = str(error)
    else:
        if frame[3:4] == b"\x04" or os.environ.get("RAY_USE_TLS") == "1":
            return
        problem = "another service listens there"
    hint = "see `ray status` on its head node"
    raise RunError(f"no Ray cluster answers at {address} ({problem}); {hint}")


def fit(resources: Resources, trials: int) -> tuple[float, int]:
    """Compute how many of the trials can run at a time. A trial must fit on one node.

    Returns:
        GPUs per trial, and the number of concurrent trials.

    Raises:
        RunError: no node is large enough for one trial.
    """
    nodes = _nodes(resources)
    gpus = resources.gpus if resources.gpus is not None else float(any(node.get("GPU") for node in nodes))
    total = sum(capacity(node, resources, gpus) for node in nodes)
    if not total:
        largest = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)))
        custom = [f"{name}={amount:g}" for name, amount in resources.custom.items()]
        if custom and any(capacity(node, replace(resources, custom={}), gpus) for node in nodes):
            request = f"{', '.join(custom)}, {resources.cpus} CPUs and {gpus:g} GPUs"
            raise RunError(
                f"no node has {request} for a trial; correct --resource (`ray status` lists the cluster's resources)"
            )
        raise RunError(
            f"a trial asks for {resources.cpus} CPUs and {gpus:g} GPUs, but the largest of {len(nodes)} nodes has "
            f"{largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}; lower --cpus-per-trial or --gpus-per-trial"
        )
    limit = (resources.max_concurrent or trials) if resources.address else trials_at_once(resources)
    return gpus, min(total, trials, limit)


def _nodes(resources: Resources) -> list[dict[str, float]]:
    """Return the resources of every node. If an existing cluster has no CPUs yet, wait for its first node with CPUs."""
    deadline = time.monotonic() + (BOOT_SECONDS if resources.address else 0)
    announced = False
    while True:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(node.get("CPU") for node in nodes) or time.monotonic() > deadline:
            return nodes
        if not announced:
            say(f"waiting up to {BOOT_SECONDS:.0f} s for a node with CPUs")
        announced = True
        time.sleep(2)


def capacity(node: dict[str, float], resources: Resources, gpus: float) -> int:
    """Return how many trials fit on a node at a time.

    Args:
        node: the node's total amount of each resource.
        resources: CPUs and custom resources per trial.
        gpus: GPUs per trial.
    """
    limits = [node.get("CPU", 0) // resources.cpus]
    limits += [node.get(name, 0) // amount for name, amount in resources.custom.items()]
    if gpus:
        # A trial with a fraction of a GPU must fit on one GPU; a trial with several gets whole GPUs.
        limits.append(node.get("GPU", 0) * int(1 / gpus + 1e-9) if gpus < 1 else node.get("GPU", 0) // gpus)
    return int(min(limits))


class FileServer:
    """A Ray actor on the driver's machine that reads the trials' inputs for other nodes."""

    def __init__(self, sets: dict[str, delivery.FileSet]) -> None:
        self.sets = sets

    def read_chunk(self, kind: str, name: str, index: int) -> bytes:
        """Read one chunk of a file (`bench.executors.delivery.read_chunk`)."""
        return delivery.read_chunk(self.sets, kind, name, index)


@dataclass(frozen=True)
class InputSource:
    """How the nodes of a cluster get the trials' inputs, and check that they share the experiment's folder.

    Attributes:
        sets: the files of the inputs.
        server: handle of the `FileServer`.
        beacon: a file in the experiment's folder.
        token: the content of the beacon.
    """

    sets: dict[str, delivery.FileSet]
    server: Any
    beacon: Path
    token: str

    def local_inputs(self, context: Context) -> Inputs:
        """Return the inputs on the node that runs this call, and fetch missing files.

        Raises:
            RunError: the node cannot read the experiment's folder, or a file cannot be fetched.
        """
        if isinstance(context.trials, Path) and not can_read(self.beacon, self.token):
            problem = f"the node {platform.node()} cannot read {context.trials.parent}"
            raise RunError(f"{problem}; it must be on storage that all nodes share, or in an object store (--storage)")

        def fetch(kind: str, name: str, index: int) -> bytes:
            return ray.get(self.server.read_chunk.remote(kind, name, index))

        return delivery.locate(context.inputs, self.sets, fetch)


def serve_inputs(context: Context, scratch: Path) -> InputSource:
    """Start to serve the trials' inputs. Images are read when a node requests them.

    Raises:
        RunError: a node cannot read the experiment's folder.
    """
    sets = delivery.file_sets(context.inputs)
    this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    server = ray.remote(FileServer).options(num_cpus=0, scheduling_strategy=this_node).remote(sets)
    beacon = scratch / "beacon"
    token = uuid.uuid4().hex
    write_atomically(beacon, token.encode())
    if isinstance(context.trials, Path):
        _require_shared_folder(beacon, token, context.trials.parent)
    return InputSource(sets, server, beacon, token)


def _require_shared_folder(beacon: Path, token: str, folder: Path) -> None:
    """Raise RunError if a node cannot read `folder`.

    Fail fast: a node whose trials all fail is always idle, so it would consume every trial.
    """
    check = ray.remote(num_cpus=0, max_retries=0)(can_read)
    hosts = {}  # pending answer -> host name of its node
    for node in (node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")):
        strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        hosts[check.options(scheduling_strategy=strategy).remote(beacon, token)] = node["NodeManagerHostname"]
    if not hosts:
        return
    answers, _ = ray.wait(list(hosts), num_returns=len(hosts), timeout=VISIBILITY_CHECK_SECONDS)
    failed = [hosts[answer] for answer in answers if not ray.get(answer)]
    if failed:
        problem = f"{len(failed)} of {len(hosts)} nodes (such as {min(failed)}) cannot read {folder}"
        raise RunError(f"{problem}; put it on storage that all nodes share, or in an object store (--storage)")


def can_read(beacon: Path, token: str) -> bool:
    """Whether this machine can read the beacon. New files on shared storage may appear with a delay."""
    for _ in range(VISIBLE_SECONDS):
        if beacon.is_file() and beacon.read_text(encoding="utf-8") == token:
            return True
        time.sleep(1)
    return False
