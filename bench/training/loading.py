"""Trained methods from their checkpoints, and the images that they were trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError, reason, warn
from bench.io import tensors, untrusted
from bench.runtime.environment import torch_device
from bench.store.folders import how_to_get_checkpoint
from bench.store.states import State
from bench.store.trial_folder import TrialFolder

if TYPE_CHECKING:
    import torch

    from bench.data.prepared import Prepared
    from methods import Method


def trained_method(folder: TrialFolder, device: "str | torch.device" = "cpu") -> "Method":
    """The method of a trial with the weights of its last checkpoint, in evaluation mode, without gradients.

    Raises:
        UserError: its checkpoint has been removed, or its plug-in was not given.
    """
    from bench.experiment import plugins
    from bench.runtime.numerics import exact_arithmetic
    from bench.training.build import build
    from methods import METHODS

    place = torch_device(device)
    spec = folder.trial().spec
    if spec.method not in METHODS:
        plugins.install_all()
    if spec.method not in METHODS:
        remedy = "give its file (--plugin, or plugins=[...]), or install its package"
        raise UserError(f"the method {spec.method!r} comes from a plug-in; {remedy}")
    checkpoint, warning = folder.checkpoint()
    if checkpoint is None:
        raise UserError(f"{folder.path.name} has no checkpoint (any more); {how_to_get_checkpoint(folder)}")
    if warning:
        warn(warning)
    exact_arithmetic()
    weights = _weights(folder, checkpoint)
    try:
        with tensors.measured(len(checkpoint)):  # the size of a network stands in the specification, whatever it says
            fits = tensors.state_fits(weights, build(spec))
    except Exception as error:  # of a method's own
        said = f"its specification fits no method here ({type(error).__name__}: {reason(error)})"
        raise UserError(f"{folder.name} cannot be loaded: {said}; train it again with bench.run --force") from None
    if not fits:
        changed = "the method's source has changed since; bench.run --retrain-stale trains it again"
        raise UserError(f"the weights of {folder.name} do not fit: {changed}")
    method = build(spec)
    method.load_state_dict(weights)
    return method.to(place).eval().requires_grad_(False)


def _weights(folder: TrialFolder, checkpoint: bytes) -> dict[str, "torch.Tensor"]:
    """Of the method in a checkpoint's bytes."""
    try:
        stored = tensors.weights(checkpoint)
        weights, step = stored["method"], int(stored["state"]["step"])
    except Exception as error:  # torch has a dozen types for what it has not written
        why = f"is no checkpoint that can be read ({reason(error)[:120]}); train it again with bench.run --force"
        raise untrusted.Malformed(f"{folder.name}/checkpoint.pt", why) from None
    rows = folder.rows()
    if folder.status().state is State.done and len(rows) and step != rows["step"].max():
        last = int(rows["step"].max())
        problem = f"the checkpoint of {folder.name} is of step {step}, not of its last one, {last}"
        raise UserError(f"{problem}; {how_to_get_checkpoint(folder)}")
    return weights


def prepared_of(folder: TrialFolder, root: Path | None = None) -> "Prepared":
    """The images that a trial was trained on: below `root`, or where they were when it was trained.

    Raises:
        UserError: they are not there, or are damaged; it says what to do.
    """
    from bench.data.prepared import Prepared

    dataset = folder.trial().spec.dataset
    if dataset is None:
        raise UserError(f"{folder.name} does not say what images it was trained on; train it again with bench.run")
    environment = folder.environment()
    recorded = environment.data if environment else None
    default = (root or Path("data/prepared")) / dataset.name / dataset.fingerprint[:16]
    place = Path(recorded) if recorded and root is None else default
    found = Prepared(place)
    if not found.check() or found.fingerprint != dataset.fingerprint:
        again = f"python -m bench.prepare {dataset.name}" + (f" --prepared {root}" if root else "")
        raise UserError(f"the images of {folder.path.name} are not in {place}; say where with --prepared, or {again}")
    return found
