"""The training loop of one trial: steps, clock, evaluations and checkpoints. It knows no executor and no method.

Batches, seeds and evaluations are functions of the step. So a training that resumes from a checkpoint passes through
the same states, to the bit, as one that was never interrupted (same processor type, precision and thread count). If the
budget is in seconds, evaluations, schedule and end are functions of the clock, which continues from the checkpoint.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import torch

from bench.data.prepared import Prepared
from bench.errors import reason
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.image_grids import STEPS, grid_png
from bench.experiment.specification import TrialSpec
from bench.io import tensors
from bench.metrics.columns import refuse_bad_names
from bench.runtime import memory
from bench.runtime.numerics import exact_arithmetic
from bench.store.trial_folder import Row
from bench.training import checkpoint
from bench.training.batches import Batches
from bench.training.budget import Budget
from bench.training.build import build
from bench.training.checkpoint import OtherVersion, TrainingState
from bench.training.clock import Clock
from bench.training.divergence import blaming_numbers, refuse_explosion, refuse_not_finite
from bench.training.events import Evaluated, Evaluating, Event, Position, Progressed
from bench.training.step import Graph, Stepper

CHECK_EVERY = 100  # steps between checks for a loss that is no longer finite
TICK_SECONDS = 1.0  # between progress events
SLOW_SAVE = 1.0  # seconds; if saving takes longer, as in a distant store, at most SAVING_SHARE of the time goes into it
SAVING_SHARE = 0.05
GPU_STEPS = 10  # if the budget is in seconds, a GPU is waited for once in so many steps, to read the clock

Save = Callable[[bytes, list[Row], dict[str, bytes]], None]  # checkpoint, rows so far, pictures by file name


class Trainer:
    """One trial's training.

    Args:
        spec: the trial's specification.
        data: the prepared data set.
        evaluator: measures the method.
        save: stores a checkpoint, the rows so far, and the pictures of a new row.
        device: where the method and the images are.
        checkpoint_seconds: at most this long after a checkpoint comes the next one, even between evaluations; later if
            saving is slow (`SLOW_SAVE`).
        graph: replays the steps (`bench.training.step`), if anything does.
    """

    def __init__(
        self,
        spec: TrialSpec,
        data: Prepared,
        evaluator: Evaluator,
        save: Save,
        device: torch.device,
        checkpoint_seconds: float = 20.0,
        graph: Graph | None = None,
    ) -> None:
        self.training = spec.optimisation
        self.evaluator, self.save, self.device = evaluator, save, device
        self.checkpoint_seconds = self._pause = checkpoint_seconds
        images = torch.from_numpy(data.images("train")[: self.training.train_images]).to(device)
        self.batches = Batches(images, self.training.batch_size, spec.seed)
        self.budget = Budget.of(self.training, len(images), spec.evaluation.evaluations)
        exact_arithmetic()
        memory.reset(device)
        self.method = build(spec).to(device)
        self.parameters = sum(p.numel() for p in self.method.parameters() if p.requires_grad)
        self.stepper = Stepper(self.method, self.training, self.budget.length, graph)
        self.state = TrainingState()

    def restore(self, stored: bytes) -> None:
        """Continue from the bytes that `save` was given.

        Raises:
            OtherVersion: the bytes are intact (files are checked when they are read), but do not fit.
        """
        try:
            self.state = checkpoint.restore(self.stepper, stored, self.device)
        except Exception as error:  # torch has many types for missing keys and other shapes
            if memory.exhausted(error):
                raise
            message = f"its checkpoint is of another version of the project ({type(error).__name__}: {reason(error)})"
            raise OtherVersion(f"{message}; --retrain-stale trains it again") from error

    def checkpoint(self) -> bytes:
        """Everything that `restore` needs."""
        return checkpoint.save(self.stepper, self.state)

    def run(self) -> Iterator[Event]:
        """Train to the end.

        Yields:
            Progressed, Evaluating and Evaluated.

        Raises:
            Diverged: a loss or a score is not finite or has exploded. What was saved stays.
        """
        clock = Clock(self.device, self.state.train_seconds)
        saved = ticked = time.monotonic()
        at = self._along(clock)
        while self._evaluated < self.budget.length:
            with clock, self._blaming_numbers():
                self._step(at)
            at = self._along(clock)
            step, now = self.state.step, time.monotonic()
            if self.budget.is_due(self._evaluated, at):
                yield Evaluating(self._position(clock))
                yield self._evaluate(clock, at)
                saved = ticked = time.monotonic()
                continue
            if step % CHECK_EVERY == 0:
                refuse_explosion(self._mean_losses(clock), self.state.rows, step)
            if now - saved > self._pause:
                self._mean_losses(clock)
                self.state.train_seconds = clock.read()
                self._save({})
                saved = time.monotonic()
            if now - ticked > TICK_SECONDS:
                yield self._progress(clock)
                ticked = time.monotonic()

    def _along(self, clock: Clock) -> float:
        """Return the position of the training along its budget."""
        if self.budget.seconds is None:
            return self.state.step
        is_behind = self.device.type == "cuda" and self.state.step % GPU_STEPS
        return clock.seconds if is_behind else clock.read()

    @property
    def _evaluated(self) -> float:
        """The position of the last evaluation; 0 before the first."""
        if not self.state.rows:
            return 0
        return _number(self.state.rows[-1], "step" if self.budget.seconds is None else "train_seconds")

    def _step(self, at: float) -> None:
        losses = self.stepper(at, self.batches[self.state.step])
        sums = self.state.sums
        if not sums:
            refuse_bad_names(losses, "losses")
        if sums and sums.keys() != losses.keys():
            raise ValueError(f"losses gives {', '.join(losses)} now, and gave {', '.join(sums)} before")
        # A copy, because a replayed step overwrites the same tensors.
        self.state.sums = {name: sums[name] + value if sums else value.clone() for name, value in losses.items()}
        self.state.step += 1
        self.state.summed_steps += 1

    def _mean_losses(self, clock: Clock) -> dict[str, float]:
        """Average the losses over the steps since the last row; waits for the device, on the clock."""
        clock.read()
        means = {name: float(total) / self.state.summed_steps for name, total in self.state.sums.items()}
        refuse_not_finite(means, self.state.step)
        return means

    def _blaming_numbers(self) -> AbstractContextManager[None]:
        return blaming_numbers(self.method, self.state.sums, self.state.step)

    def _evaluate(self, clock: Clock, at: float) -> Evaluated:
        losses = self._mean_losses(clock)
        refuse_explosion(losses, self.state.rows, self.state.step)
        self.state.train_seconds = clock.read()
        started = time.perf_counter()
        headline = self.evaluator.curve.headline
        with self._blaming_numbers():
            columns, grids = self.evaluator(self.method)
        # The very last step can break a method whose losses were finite.
        score = _number(columns, headline)
        errors = {headline: score, "reconstruction_test": _number(columns, "reconstruction_test")}
        refuse_not_finite(errors, self.state.step)
        means = {f"train_{name}": value for name, value in losses.items()}
        self.state.rows.append(self._row(clock, started, means | columns))
        pictures = {f"{name}-{self.state.step:08d}.png": grid_png(images) for name, images in grids.items()}
        if at >= self.budget.length:
            pictures |= self._evaluate_finally(clock)
        self.state.sums, self.state.summed_steps = {}, 0
        self._save(pictures)
        return Evaluated(self._position(clock), means["train_loss"], score, min(at / self.budget.length, 1.0))

    def _evaluate_finally(self, clock: Clock) -> dict[str, bytes]:
        """Append the last checkpoint's own row, if the protocol has one; returns pictures by file name."""
        started = time.perf_counter()
        with self._blaming_numbers():
            columns = self.evaluator.final(self.method)
        if not columns:
            return {}
        self.state.rows.append(self._row(clock, started, columns))
        lines, arrays = self.evaluator.final_pictures(self.method)
        step = f"{self.state.step:08d}"
        return {f"interpolations-{step}.png": grid_png(lines, STEPS), f"codes-{step}.npz": tensors.to_npz(arrays)}

    def _save(self, pictures: dict[str, bytes]) -> None:
        """Save, and set the pause before the next checkpoint."""
        started = time.monotonic()
        self.save(self.checkpoint(), self.state.rows, pictures)
        seconds = time.monotonic() - started
        self._pause = max(self.checkpoint_seconds, seconds / SAVING_SHARE if seconds > SLOW_SAVE else 0)

    def _row(self, clock: Clock, started: float, columns: Row) -> Row:
        return {
            **vars(self._position(clock)),
            "train_seconds": self.state.train_seconds,
            "evaluation_seconds": time.perf_counter() - started,
            "peak_memory_mb": memory.peak(self.device),
            "parameters": self.parameters,
            **columns,
        }

    def _progress(self, clock: Clock) -> Progressed:
        position = self._position(clock)  # waits for the device, so that the next line does not, off the clock
        steps = max(self.state.summed_steps, 1)
        loss = float(self.state.sums["loss"]) / steps if self.state.sums else None
        return Progressed(position, loss)

    def _position(self, clock: Clock) -> Position:
        step = self.state.step
        images = step * self.batches.size
        return Position(step, step / self.batches.per_epoch, images, images / max(clock.read(), 1e-9))


def _number(columns: Row, name: str) -> float:
    value = columns[name]
    assert isinstance(value, int | float)
    return value
