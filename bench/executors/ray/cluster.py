"""A Ray cluster: joining it, how many trials it has room for, and handing out what they read to its nodes."""

import logging
import os
import platform
import socket
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.errors import RunError, UserError
from bench.executors import delivery
from bench.executors.base import Context, Inputs, Resources
from bench.experiment.plugins import shipped
from bench.io.files import write_atomically
from bench.paths import ROOT
from bench.runtime import memory

CONNECT_SECONDS = 5.0
BOOT_SECONDS = 600.0  # for the first node that can run trials, of a cluster that is being started
SEEING_SECONDS = 10
LOOK_SECONDS = 120.0
LEFT_HERE = ("results", "tests", "docs", "benchmarks")  # folders of the project that workers do not need


def connect(resources: Resources) -> None:
    """Start Ray on this machine, or join the cluster that `resources.address` names.

    Raises:
        UserError: it is no address. RunError: nothing answers there.
    """
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}
    if resources.address:
        _probe(resources.address)
        # Ray takes an empty list of modules for one without an address, and never starts a worker.
        modules = shipped()
        environment: dict[str, Any] = {"working_dir": str(ROOT), "excludes": [f"/{name}/" for name in LEFT_HERE]}
        environment["env_vars"] = memory.ONE_ARENA
        environment |= {"py_modules": modules} if modules else {}
        options |= {"address": resources.address, "runtime_env": environment}
        del options["include_dashboard"]
    else:
        # "local": never a cluster that happens to run here or that RAY_ADDRESS names.
        # Images are memory-mapped files, so the object store needs next to nothing.
        options |= {"address": "local", "object_store_memory": 100 * 2**20}
        os.environ.update(memory.ONE_ARENA)  # Ray's processes inherit it; this one has started
    try:
        ray.init(**options)
    except Exception as error:  # a machine that is too busy makes it raise just that
        where = f"the Ray cluster at {resources.address}" if resources.address else "Ray on this machine"
        raise RunError(f"cannot start on {where}: {str(error).splitlines()[0]}") from error


def _probe(address: str) -> None:
    """Fail within seconds where ray.init would try a dead address for minutes."""
    if address.startswith("ray://"):
        raise UserError("a Ray Client address cannot be used; run this on a node of the cluster, with --address auto")
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as connection:
            # A cluster speaks gRPC: HTTP/2, whose servers answer this preface with their settings (RFC 9113, 3.4).
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            frame = connection.recv(9)
    except OSError as error:
        found = str(error)
    else:
        if frame[3:4] == b"\x04" or os.environ.get("RAY_USE_TLS") == "1":
            return
        found = "something else listens there"
    hint = "see `ray status` on its head node"
    raise RunError(f"no Ray cluster answers at {address} ({found}); {hint}")


def fit(resources: Resources, trials: int) -> tuple[float, int]:
    """GPUs for a trial, and how many trials run at a time. A trial must fit on one node."""
    nodes = _nodes(resources)
    gpus = resources.gpus if resources.gpus is not None else float(any(node.get("GPU") for node in nodes))
    room = sum(places(node, resources, gpus) for node in nodes)
    if not room:
        largest = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)))
        lacking = [f"{name}={amount:g}" for name, amount in resources.custom.items()]
        if lacking and any(places(node, replace(resources, custom={}), gpus) for node in nodes):
            asked = f"{', '.join(lacking)}, {resources.cpus} CPUs and {gpus:g} GPUs"
            raise RunError(f"no node has {asked} for a trial; mend --resource (`ray status` shows what there is)")
        raise RunError(
            f"a trial asks for {resources.cpus} CPUs and {gpus:g} GPUs, but the largest of {len(nodes)} nodes has "
            f"{largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}; lower --cpus-per-trial or --gpus-per-trial"
        )
    return gpus, min(room, trials, resources.max_concurrent or trials)


def _nodes(resources: Resources) -> list[dict[str, float]]:
    """The resources of every node; of a cluster that is being started, once there is one with CPUs."""
    deadline = time.monotonic() + (BOOT_SECONDS if resources.address else 0)
    told = False
    while True:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(node.get("CPU") for node in nodes) or time.monotonic() > deadline:
            return nodes
        if not told:
            print(f"waiting up to {BOOT_SECONDS:.0f} s for a node with CPUs", flush=True)
        told = True
        time.sleep(2)


def places(node: dict[str, float], resources: Resources, gpus: float) -> int:
    """How many trials fit on a node at a time."""
    found = [node.get("CPU", 0) // resources.cpus]
    found += [node.get(name, 0) // amount for name, amount in resources.custom.items()]
    if gpus:
        # Ray puts a trial with a fraction of a GPU on one GPU, and one with several on as many whole ones.
        found.append(node.get("GPU", 0) * int(1 / gpus + 1e-9) if gpus < 1 else node.get("GPU", 0) // gpus)
    return int(min(found))


class Courier:
    """Hands out what trials read, on the driver's machine (`bench.executors.delivery`)."""

    def __init__(self, parcels: dict[str, delivery.Parcel]) -> None:
        self.parcels = parcels

    def part(self, kind: str, name: str, number: int) -> bytes:
        return delivery.part(self.parcels, kind, name, number)


@dataclass(frozen=True)
class Served:
    """How a node of a cluster comes by what trials read, and knows whether it sees the experiment's folder.

    beacon: a file in that folder, and what stands in it.
    """

    parcels: dict[str, delivery.Parcel]
    courier: Any
    beacon: tuple[Path, str]

    def inputs(self, context: Context) -> Inputs:
        """On the node that this is called on.

        Raises:
            RunError: it does not see where trials are kept.
        """
        path, token = self.beacon
        if isinstance(context.trials, Path) and not sees(path, token):
            where = f"the node {platform.node()} does not see {context.trials.parent}"
            raise RunError(f"{where}; it must be on storage that all nodes share, or in an object store (--storage)")
        return delivery.here(context.inputs, self.parcels, lambda *asked: ray.get(self.courier.part.remote(*asked)))


def serve(context: Context, scratch: Path) -> Served:
    """Begin to hand out what trials read. No images are read before a node asks for them."""
    parcels = delivery.packed(context.inputs)
    mine = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    courier = ray.remote(Courier).options(num_cpus=0, scheduling_strategy=mine).remote(parcels)
    beacon = scratch / "beacon"
    token = uuid.uuid4().hex
    write_atomically(beacon, token.encode())
    if isinstance(context.trials, Path):
        _refuse_blind(beacon, token, context.trials.parent)
    return Served(parcels, courier, (beacon, token))


def _refuse_blind(beacon: Path, token: str, folder: Path) -> None:
    """RunError where a node does not see `folder`: idle for all its trials fail, it would draw one after another."""
    look = ray.remote(num_cpus=0, max_retries=0)(sees)
    asked = {}
    for node in (node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")):
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked[look.options(scheduling_strategy=there).remote(beacon, token)] = node["NodeManagerHostname"]
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=LOOK_SECONDS) if asked else ([], [])
    blind = [asked[answer] for answer in answered if not ray.get(answer)]
    if blind:
        where = f"{len(blind)} of {len(asked)} nodes (such as {min(blind)}) do not see {folder}"
        raise RunError(f"{where}; put it on storage that all nodes share, or give an object store (--storage)")


def sees(beacon: Path, token: str) -> bool:
    """Whether this machine sees the file with this in it; shared folders take a while to show new ones."""
    for _ in range(SEEING_SECONDS):
        if beacon.is_file() and beacon.read_text() == token:
            return True
        time.sleep(1)
    return False
