"""The training loop of one trial: steps, clock, evaluations and checkpoints. It knows no executor and no method.

Batches, seeds and evaluations are functions of the step. So a training that resumes from a checkpoint passes through
the same states, to the bit, as one that was never interrupted (same processor type, precision and thread count). If the
budget is in seconds, evaluations, schedule and end are functions of the clock, which continues from the checkpoint.

An evaluation may run beside the training, from a snapshot. What is stored then is what would have been stored had the
training waited: the row and the checkpoint of the same step, in the same order. Only the moment differs.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

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
from bench.training.evaluations import Beside, Opened, measure, restored
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
        beside: runs evaluations beside the training, if anything does; on CPUs only.
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
        beside: Beside | None = None,
    ) -> None:
        self.spec, self.training = spec, spec.optimisation
        self.evaluator, self.save, self.device, self.beside = evaluator, save, device, beside
        self.checkpoint_seconds = self._pause = checkpoint_seconds
        self._saved = 0.0  # when the state was that of the last checkpoint
        self._opened: Opened | None = None  # runs beside the training
        self.evaluated_beside = False  # whether any evaluation has
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
        clock = Clock(self.device, self.state.train_seconds, self._cpu_share())
        try:
            yield from self._train(clock)
        except (Exception, SystemExit):
            yield from self._close()  # a training that had waited would have failed there, or stored the row
            raise
        finally:
            if self._opened:
                self._opened.cancel()

    def _train(self, clock: Clock) -> Iterator[Event]:
        self._saved = ticked = time.monotonic()
        at = self._along(clock)
        while self._evaluated < self.budget.length:
            with clock, self._blaming_numbers():
                self._step(at)
            at = self._along(clock)
            step, now = self.state.step, time.monotonic()
            if self.budget.is_due(self._evaluated, at):
                yield from self._evaluate(clock, at)
                ticked = time.monotonic()
                continue
            if self._opened and self._opened.done():
                yield from self._close()
            if step % CHECK_EVERY == 0:
                refuse_explosion(self._mean_losses(clock), self.state.rows, step)
            if now - self._saved > self._pause and not self._opened:
                self._mean_losses(clock)
                self.state.train_seconds = clock.read()
                self._save({})
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
        """The position of the last evaluation that has begun; 0 before the first."""
        in_steps = self.budget.seconds is None
        if self._opened:
            return self._opened.position.step if in_steps else self._opened.train_seconds
        if not self.state.rows:
            return 0
        return _number(self.state.rows[-1], "step" if in_steps else "train_seconds")

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

    def _evaluate(self, clock: Clock, at: float) -> Iterator[Event]:
        """Evaluate now or, if that can be, begin to evaluate beside the training."""
        yield from self._close()  # rows are in the order of their steps
        losses = self._mean_losses(clock)
        refuse_explosion(losses, self.state.rows, self.state.step)
        self.state.train_seconds = clock.read()
        seconds, share = self.state.train_seconds, clock.cpu_share()
        now = Opened(self._position(clock), at, seconds, share, losses, time.monotonic())
        self.state.sums, self.state.summed_steps = {}, 0
        self._opened = self._opened_beside(now)
        if self._opened is None:
            yield Evaluating(now.position)
            yield self._complete(now)

    def _opened_beside(self, opened: Opened) -> Opened | None:
        """Begin an evaluation beside the training; None if the training must wait for it.

        The first row is measured here: it says what an evaluation takes, and losses are compared with its own.
        """
        left = self.budget.left(opened.at)
        if self.beside is None or not left or not self.state.rows:
            return None
        try:
            if not self.beside.can_start(left * self._usual_seconds):
                return None
            snapshot = checkpoint.snapshot(self.stepper, self.state)
            pending = self.beside.start(snapshot["method"])
        except Exception:  # of whatever runs other processes
            return None
        self.evaluated_beside = True
        return replace(opened, pending=pending, snapshot=snapshot)

    @property
    def _usual_seconds(self) -> float:
        return _number(self.state.rows[-1], "evaluation_seconds")

    def _close(self) -> Iterator[Event]:
        """Store the row of the evaluation beside the training, if there is one; wait for it."""
        opened, self._opened = self._opened, None
        if opened:
            yield self._complete(opened)

    def _complete(self, opened: Opened) -> Evaluated:
        """Wait for an evaluation, and store its row with the checkpoint of the same step.

        One that was lost beside the training is measured here; so if it failed, it fails as if it had begun here.
        """
        step, measured = opened.position.step, opened.result(self._usual_seconds) if opened.pending else None
        if measured is None:
            method = restored(self.spec, opened.snapshot["method"]) if opened.snapshot else self.method
            with blaming_numbers(method, {}, step):  # the losses are finite
                measured = measure(self.evaluator, method)
        # The very last step can break a method whose losses were finite.
        score = _number(measured.columns, headline := self.evaluator.curve.headline)
        errors = {headline: score, "reconstruction_test": _number(measured.columns, "reconstruction_test")}
        refuse_not_finite(errors, step)
        means = {f"train_{name}": value for name, value in opened.losses.items()}
        self.state.rows.append(self._row(opened, measured.seconds, means | measured.columns))
        pictures = {f"{name}-{step:08d}.png": picture for name, picture in measured.pictures.items()}
        if opened.at >= self.budget.length:
            pictures |= self._evaluate_finally(opened)
        self._save(pictures, opened)
        return Evaluated(opened.position, means["train_loss"], score, min(opened.at / self.budget.length, 1.0))

    def _evaluate_finally(self, opened: Opened) -> dict[str, bytes]:
        """Append the last checkpoint's own row, if the protocol has one; returns pictures by file name."""
        started = time.perf_counter()
        with self._blaming_numbers():
            columns = self.evaluator.final(self.method)
        if not columns:
            return {}
        self.state.rows.append(self._row(opened, time.perf_counter() - started, columns))
        lines, arrays = self.evaluator.final_pictures(self.method)
        step = f"{self.state.step:08d}"
        return {f"interpolations-{step}.png": grid_png(lines, STEPS), f"codes-{step}.npz": tensors.to_npz(arrays)}

    def _save(self, pictures: dict[str, bytes], opened: Opened | None = None) -> None:
        """Save the present state or that of an evaluation, and set the pause before the next checkpoint."""
        started = time.monotonic()
        kept = opened.snapshot if opened else None
        self.save(checkpoint.serialise(kept) if kept else self.checkpoint(), self.state.rows, pictures)
        ended = time.monotonic()
        seconds = ended - started
        self._pause = max(self.checkpoint_seconds, seconds / SAVING_SHARE if seconds > SLOW_SAVE else 0)
        self._saved = opened.began if opened and kept else ended

    def _row(self, opened: Opened, seconds: float, columns: Row) -> Row:
        return {
            **vars(opened.position),
            "train_seconds": opened.train_seconds,
            "cpu_share": opened.cpu_share,
            "evaluation_seconds": seconds,
            "peak_memory_mb": memory.peak(self.device),
            "parameters": self.parameters,
            **columns,
        }

    def _progress(self, clock: Clock) -> Progressed:
        position = self._position(clock)  # waits for the device, so that the next line does not, off the clock
        steps = max(self.state.summed_steps, 1)
        loss = float(self.state.sums["loss"]) / steps if self.state.sums else None
        return Progressed(position, loss)

    def _cpu_share(self) -> float:
        """The share of a CPU so far, as the last row says; NaN if it does not."""
        last = self.state.rows[-1] if self.state.rows else {}
        share = last.get("cpu_share", math.nan if self.state.train_seconds else 1.0)
        return share if isinstance(share, float) else math.nan

    def _position(self, clock: Clock) -> Position:
        step = self.state.step
        images = step * self.batches.size
        return Position(step, step / self.batches.per_epoch, images, images / max(clock.read(), 1e-9))


def _number(columns: Row, name: str) -> float:
    value = columns[name]
    assert isinstance(value, int | float)
    return value
