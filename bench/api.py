"""Experiments from Python: what `bench.load` gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.analysis import frames
from bench.errors import UserError, did_you_mean, reason
from bench.io import untrusted
from bench.runtime.environment import torch_device
from bench.store.folders import ExperimentFolder, TrialFolder, again

if TYPE_CHECKING:
    import torch

    from bench.data.preparation import Prepared
    from methods import Method


def trained_method(folder: TrialFolder, device: "str | torch.device" = "cpu") -> "Method":
    """The method of a trial with the weights of its last checkpoint, in evaluation mode, without gradients.

    Raises:
        UserError: its checkpoint has been removed, or its plug-in was not given.
    """
    from bench.experiment import plugins
    from bench.training.step import exact_arithmetic
    from bench.training.trainer import build
    from methods import METHODS

    place = torch_device(device)
    spec = folder.spec()["spec"]
    if spec["method"] not in METHODS:
        plugins.install_all()
    if spec["method"] not in METHODS:
        remedy = "give its file (--plugin, or plugins=[...]), or install its package"
        raise UserError(f"the method {spec['method']!r} comes from a plug-in; {remedy}")
    checkpoint, warning = folder.checkpoint()
    if checkpoint is None:
        raise UserError(f"{folder.path.name} has no checkpoint (any more); {again(folder)}")
    if warning:
        print(f"warning: {warning}")
    exact_arithmetic()
    weights = _weights(folder, checkpoint)
    try:
        with untrusted.measured(len(checkpoint)):  # the size of a network stands in the specification, whatever it says
            fits = untrusted.state_fits(weights, build(spec))
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
        stored = untrusted.weights(checkpoint)
        weights, step = stored["method"], int(stored["state"]["step"])
    except Exception as error:  # torch has a dozen types for what it has not written
        why = f"is no checkpoint that can be read ({reason(error)[:120]}); train it again with bench.run --force"
        raise untrusted.Malformed(f"{folder.name}/checkpoint.pt", why) from None
    rows = folder.rows()
    if folder.status()["state"] == "done" and len(rows) and step != rows["step"].max():
        last = int(rows["step"].max())
        raise UserError(
            f"the checkpoint of {folder.name} is of step {step}, not of its last one, {last}; {again(folder)}"
        )
    return weights


def prepared_of(folder: TrialFolder, root: Path | None = None) -> "Prepared":
    """The images that a trial was trained on: below `root`, or where they were when it was trained.

    Raises:
        UserError: they are not there, or are damaged; it says what to do.
    """
    from bench.data.preparation import Prepared

    dataset = folder.spec()["spec"].get("dataset")
    if not dataset:
        raise UserError(f"{folder.name} does not say what images it was trained on; train it again with bench.run")
    noted = folder.environment().get("data")
    default = (root or Path("data/prepared")) / dataset["name"] / dataset["fingerprint"][:16]
    place = Path(noted) if noted and root is None else default
    found = Prepared(place)
    if not found.check() or found.fingerprint != dataset["fingerprint"]:
        again = f"python -m bench.prepare {dataset['name']}" + (f" --prepared {root}" if root else "")
        raise UserError(f"the images of {folder.path.name} are not in {place}; say where with --prepared, or {again}")
    return found


@dataclass(frozen=True)
class Loaded:
    """An experiment. `rows`: one an evaluation; `trials`: one a training (columns: results/README.md)."""

    folder: ExperimentFolder
    rows: pd.DataFrame
    trials: pd.DataFrame

    @classmethod
    def open(cls, path: str | Path, plugins: Sequence[str | Path] = ()) -> "Loaded":
        folder = ExperimentFolder(Path(path))
        untrusted.look_over(Path(path))
        if not folder.description():
            raise UserError(f"the folder {path} is no experiment: it has no experiment.yaml")
        if plugins:
            from bench.experiment import plugins as known

            known.install_all([Path(plugin) for plugin in plugins])
        return cls(folder, frames.rows(folder), frames.trials(folder))

    def method(self, variant: str, seed: int = 0, device: "str | torch.device" = "cpu") -> "Method":
        """The trained method of one trial, in evaluation mode, without gradients.

        `sample(n)`, `encode(images)` and `decode(codes)` work on `device`; images are float32 in [-1, 1]. Weights are
        those of the trial's last checkpoint; of a trial that is not done they are what there is so far.

        Args:
            variant: as in the tables, such as "moco" or "mmd[prior=sphere]"; or a trial's id, which also names a seed.
            seed: of the training.
        Raises:
            UserError: there is no such trial, its checkpoint has been removed, or its plug-in was not given.
        """
        return trained_method(self._find(variant, seed), device)

    def _find(self, variant: str, seed: int) -> TrialFolder:
        trials = self.trials
        mine = trials[(trials["trial"] == variant) | ((trials["variant"] == variant) & (trials["seed"] == seed))]
        if mine.empty:
            seeds = trials.loc[trials["variant"] == variant, "seed"].tolist()
            if seeds:
                raise UserError(f"{variant} has no seed {seed}; there is: {', '.join(map(str, seeds))}")
            raise UserError(f"no trial {variant!r} here.{did_you_mean(variant, set(trials['variant']))}")
        return self.folder.trial(mine["folder"].iloc[0])
