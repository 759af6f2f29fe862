"""Load trained methods from their checkpoints, and the images that they were trained on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    from bench.experiment.settings import Evaluation
    from bench.experiment.specification import TrialSpec
    from methods import Method


def missing_plugin(spec: "TrialSpec", evaluation: "Evaluation | None" = None) -> str | None:
    """Return what a trial's method is built from and no installed plug-in defines, such as "network 'mine'".

    Args:
        spec: of the trial.
        evaluation: how the method is to be evaluated, if it is; its extractor and metrics are needed too.
    """
    from bench.metrics.columns import EXTRACTORS, OPTIONAL
    from methods import METHODS
    from methods.networks import NETWORKS
    from methods.priors import PRIORS

    needed = [("method", spec.method, METHODS), ("network", spec.network.name, NETWORKS), ("prior", spec.prior, PRIORS)]
    if evaluation:
        needed += [("extractor", evaluation.extractor, {"auto", *EXTRACTORS})]
        needed += [("metric", name, OPTIONAL) for name in evaluation.metrics]
    return next((f"{kind} {name!r}" for kind, name, registry in needed if name not in registry), None)


def trained_method(folder: TrialFolder, device: "str | torch.device" = "cpu") -> "Method":
    """Return the method of a trial with the weights of its last checkpoint, in evaluation mode, without gradients.

    Raises:
        UserError: the checkpoint is missing or does not fit, or the plug-in of the method is missing.
        Malformed: the checkpoint cannot be read.
    """
    from bench.runtime.numerics import exact_arithmetic
    from bench.training.build import build

    target = torch_device(device)
    spec = folder.trial().spec
    missing = missing_plugin(spec)
    if missing:
        remedy = "give its file (--plugin, or plugins=[...]), or install its package"
        raise UserError(f"the {missing} comes from a plug-in; {remedy}")
    checkpoint, warning = folder.checkpoint()
    if checkpoint is None:
        raise UserError(f"{folder.path.name} no longer has a checkpoint; {how_to_get_checkpoint(folder)}")
    if warning:
        warn(warning)
    exact_arithmetic()
    weights = _weights(folder, checkpoint)
    try:
        matches = fits(weights, lambda: build(spec), len(checkpoint), computes=_uses_plugins(spec))
    except Exception as error:  # constructors of methods raise all kinds of exceptions
        problem = f"its specification fits no installed method ({type(error).__name__}: {reason(error)})"
        raise UserError(f"{folder.name} cannot be loaded: {problem}; bench.run --force trains it again") from None
    if not matches:
        problem = "the method's code has changed; bench.run --retrain-stale trains it again"
        raise UserError(f"the weights of {folder.name} do not fit: {problem}")
    method = build(spec)
    method.load_state_dict(weights)
    return method.to(target).eval().requires_grad_(False)


def fits(weights: "dict[str, torch.Tensor]", build: "Callable[[], Method]", size: int, computes: bool) -> bool:
    """Whether weights are those of a method.

    Its specification may be hostile and describe huge networks, so nothing is allocated before the comparison. Only
    constructors of plug-ins that compute with numbers, which tensors without storage lack, are called as in a training.

    Args:
        weights: of a checkpoint.
        build: builds the method.
        size: of the checkpoint, in bytes.
        computes: whether constructors may compute with numbers.
    """
    try:
        with tensors.on_meta_device(size):
            return tensors.state_matches(weights, build())
    except (RuntimeError, TypeError):  # what torch raises for tensors without storage
        if not computes:
            raise
        return tensors.state_matches(weights, build())


def _uses_plugins(spec: "TrialSpec") -> bool:
    """Whether constructors of plug-ins are called to build a trial's method."""
    from bench.experiment.origins import ORIGINS, parts
    from methods import METHODS

    own = METHODS[spec.method].__module__.partition(".")[0] == "methods"
    return not own or any(part in ORIGINS for part in parts(spec))


def _weights(folder: TrialFolder, checkpoint: bytes) -> dict[str, "torch.Tensor"]:
    """Return the weights of the method in a checkpoint."""
    try:
        stored = tensors.load(checkpoint)
        weights, step = stored["method"], int(stored["state"]["step"])
    except Exception as error:  # torch raises a dozen types for malformed files
        problem = f"is not a readable checkpoint ({reason(error)[:120]}); bench.run --force trains it again"
        raise untrusted.Malformed(f"{folder.name}/checkpoint.pt", problem) from None
    rows = folder.rows()
    if folder.status().state is State.done and len(rows) and step != rows["step"].max():
        last = int(rows["step"].max())
        problem = f"the checkpoint of {folder.name} is of step {step}, not of the last step {last}"
        raise UserError(f"{problem}; {how_to_get_checkpoint(folder)}")
    return weights


@contextmanager
def images_of(folder: TrialFolder, root: Path | None = None) -> "Iterator[Prepared]":
    """Hold the images that a trial was trained on, from `root` or, by default, from where the trial read them.

    Raises:
        UserError: the images are missing or damaged; the message says what to do.
    """
    from bench.data.prepared import Prepared, in_use

    dataset = folder.trial().spec.dataset
    if dataset is None:
        raise UserError(
            f"{folder.name} does not record which images it was trained on; bench.run --force trains it again"
        )
    environment = folder.environment()
    recorded = environment.data if environment else None
    default = (root or Path("data/prepared")) / dataset.name / dataset.fingerprint[:16]
    path = Path(recorded) if recorded and root is None else default
    prepared = Prepared(path)
    with in_use(prepared):
        if not prepared.check() or prepared.fingerprint != dataset.fingerprint:
            command = f"python -m bench.prepare {dataset.name}" + (f" --prepared {root}" if root else "")
            where = f"not in {path}; name their folder with --prepared, or run {command}"
            raise UserError(f"the images of {folder.path.name} are {where}")
        yield prepared
