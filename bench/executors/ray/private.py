"""Private names in Ray, patched or read. Each is checked first, because a new release may move or remove it."""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayActorError

from bench.errors import RunError
from bench.io.object_store import redact

# If Ray's memory monitor kills a worker, Tune aborts the run with a traceback instead of retrying the trial.
LOST_WORKER_MODULES = ("ray.air.execution._internal.actor_manager", "ray.tune.execution.tune_controller")
ENTRYPOINT_MODULE = "ray._private.utils"
# `timeout` signals the whole process group. If that ends the raylet, the driver may exit in native code before it can
# say how to continue. So Ray's processes get groups of their own; they end with the driver all the same.
SERVICES_MODULE = "ray._private.services"
NODE_MODULE = "ray._private.worker"
STATE_MODULE = "ray._private.state"


def patch() -> None:
    """Patch Ray. A second call changes nothing.

    Raises:
        RunError: this release of Ray does not have a patched name.
    """
    for module in LOST_WORKER_MODULES:
        _require(module, "RayActorError")
        _replace(module, "RayActorError", (RayActorError, OutOfMemoryError))
    _require(NODE_MODULE, "_global_node")  # before anything is trained; `raylet_socket` needs it later
    popen = _require(SERVICES_MODULE, "ConsolePopen")
    if not isinstance(popen, partial):
        _replace(SERVICES_MODULE, "ConsolePopen", partial(popen, process_group=0))
    # The cluster's job list shows the command line, which may contain credentials of an object store.
    command_line: Callable[[], str] = _require(ENTRYPOINT_MODULE, "get_entrypoint_name")
    if not hasattr(command_line, "redacts"):

        def redacted_command_line() -> str:
            return redact(command_line())

        redacted_command_line.redacts = True  # pyright: ignore[reportFunctionMemberAccess]
        _replace(ENTRYPOINT_MODULE, "get_entrypoint_name", redacted_command_line)


def raylet_socket() -> str:
    """Return the path of the socket of this machine's raylet. Ray must be initialised.

    Raises:
        RunError: this release of Ray does not have the private name.
    """
    return _require(NODE_MODULE, "_global_node").raylet_socket_name


def free_cpus(node: str) -> tuple[float, float]:
    """Return the unreserved CPUs of a node, by its id, and all its CPUs. The first may be a second old.

    Raises:
        RunError: this release of Ray does not have the private name.
        KeyError: the node is gone.
    """
    free = _require(STATE_MODULE, "available_resources_per_node")()[node].get("CPU", 0.0)
    total = next(each["Resources"].get("CPU", 0.0) for each in ray.nodes() if each["NodeID"] == node)
    return free, total


def _replace(module: str, name: str, value: Any) -> None:
    setattr(importlib.import_module(module), name, value)


def _require(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        missing = f"Ray {ray.__version__} has no {module}.{name}, which wae-bench needs"
        raise RunError(f"{missing}; install another release of Ray, or use --executor serial") from None
