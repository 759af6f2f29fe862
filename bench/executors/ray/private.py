"""Ray's private names that are patched here, each checked first: a release of Ray may move or remove them."""

import importlib
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayActorError

from bench.errors import RunError
from bench.io.object_store import redacted

# Tune ends a run with a traceback if Ray's memory monitor kills a worker: to Tune such a worker is not a lost one.
LOST_WORKER_MODULES = ("ray.air.execution._internal.actor_manager", "ray.tune.execution.tune_controller")
ENTRYPOINT_MODULE = "ray._private.utils"


def patch() -> None:
    """Patch Ray; a second call changes nothing.

    Raises:
        RunError: this release of Ray lacks a patched name.
    """
    for module in LOST_WORKER_MODULES:
        _require(module, "RayActorError")
        setattr(importlib.import_module(module), "RayActorError", (RayActorError, OutOfMemoryError))  # noqa: B010
    # The cluster's list of jobs shows the command line, which may hold a store's credentials.
    command_line: Callable[[], str] = _require(ENTRYPOINT_MODULE, "get_entrypoint_name")
    if not hasattr(command_line, "redacts"):

        def redacted_command_line() -> str:
            return redacted(command_line())

        redacted_command_line.redacts = True  # pyright: ignore[reportFunctionMemberAccess]
        setattr(importlib.import_module(ENTRYPOINT_MODULE), "get_entrypoint_name", redacted_command_line)  # noqa: B010


def _require(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        missing = f"Ray {ray.__version__} has no {module}.{name}, which wae-bench patches"
        raise RunError(f"{missing}; install another release of Ray, or use --executor serial") from None
