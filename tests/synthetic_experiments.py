"""Experiments with made-up results, for tests of reports."""

import torch
from project import ROOT
from specimens import make_description, make_environment, make_trial

from bench.evaluation.image_grids import grid_png
from bench.experiment.source_code import code_sha256
from bench.experiment.specification import MethodSource
from bench.io.tensors import to_npz
from bench.store.documents import Ending
from bench.store.folders import ExperimentFolder
from bench.store.states import State

SOURCE = MethodSource(file="methods/mmd.py", name="MMD", sha256=code_sha256(ROOT / "methods" / "mmd.py", "MMD"))
STEPS = (1, 10, 100)
STAMP = {
    "n_generated": 1000,
    "n_real": 400,
    "n_floor": 400,
    "reference_split": "test",
    "preprocessing": "8x8x1",
    "extractor": "classifier",
    "extractor_sha256": "e" * 64,
    "extractor_precision": "fp32",
    "extractor_accuracy": 0.97,
    "sampler": "prior",
    "sampling_seed": 0,
}


def falling_curve(final: float, seed: int, cpu_share: float = 0.97) -> list[dict[str, object]]:
    """A curve that falls to `final`."""
    return [
        {"step": step, "epoch": step / 10, "images_seen": step * 50, "images_per_second": 1000.0,
         "train_seconds": step / 20, "cpu_share": cpu_share, "evaluation_seconds": 1.0, "peak_memory_mb": 900.0 + seed,
         "parameters": 1234, "train_loss": 1.0, "reconstruction_test": final * 2,
         "fd_classifier_1k": final * 100 / step, "fd_classifier_1k_floor": 1.0, **STAMP}
        for step in STEPS
    ]  # fmt: skip


def add(
    folder: ExperimentFolder,
    label: str,
    seed: int,
    final: float | None = None,
    state: str = "done",
    reason: str | None = None,
    error: str | None = None,
    pictures: bool = True,
    at_once: int = 2,
    cpu_share: float = 0.97,
    image: tuple[int, int, int] = (1, 8, 8),
    **settings: object,
) -> None:
    """One trial. final: the distance it came to; without one it has no rows."""
    prior = "sphere" if "sphere" in label else "normal"
    description = folder.description()
    shared = {name: getattr(description.protocol, name) for name in ("dataset", "evaluation")} if description else {}
    rate = {"learning_rate": 0.001}
    planned = make_trial(label, seed, SOURCE, prior=prior, hyperparameters=settings, **rate, **shared)
    trial = folder.trial(planned.name)
    token = trial.claim(planned, make_environment(concurrent_trials=at_once))
    trial.resumed(token, 0)
    shown = {}
    if pictures:
        random = torch.Generator().manual_seed(seed)
        grid = grid_png(torch.randint(0, 255, (64, *image), generator=random, dtype=torch.uint8))
        shown = {f"{kind}-{step:08d}.png": grid for kind in ("samples", "reconstructions") for step in STEPS}
        codes = torch.randn(50, 4, generator=random)
        shown |= {"interpolations-00000100.png": grid, "codes-00000100.npz": to_npz({"codes": codes, "prior": codes})}
    if final is not None:
        trial.save(token, b"checkpoint", falling_curve(final, seed, cpu_share), shown)
    trial.end(planned, Ending(State(state), reason, error), token)


def described(folder: ExperimentFolder, dataset: str = "digits", **evaluation: object) -> ExperimentFolder:
    command = f"python -m bench.run --out {folder.path.name}"
    folder.describe(make_description(dataset, command, samples=1000, **evaluation))
    return folder


def experiment(path) -> ExperimentFolder:
    """Two variants with five seeds, one with a single seed, and one whose trials failed and diverged."""
    folder = described(ExperimentFolder(path), target=15)
    for seed in range(5):
        add(folder, "mmd", seed, 10.0 + seed)
        add(folder, "moco", seed, 1.0 + seed, temperature=0.1)
    add(folder, "vae", 0, 20.0, pictures=False)
    add(
        folder,
        "gan[prior=sphere]",
        0,
        None,
        "failed",
        "RuntimeError: no luck",
        "Traceback\n  <b>line</b>\nRuntimeError",
    )
    add(folder, "gan[prior=sphere]", 1, 50.0, "diverged", "loss is nan at step 100")
    return folder
