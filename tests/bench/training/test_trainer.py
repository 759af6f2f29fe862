"""The loop: schedule, resume to the bit, divergence, and an optimiser that is what it says."""

import itertools

import numpy as np
import pytest
import torch
from runs import comparable
from specimens import EVALUATION, make_spec

from bench.contract.tape import Recomputed, Tape
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.reference import References
from bench.io.files import Folder
from bench.training.budget import Budget
from bench.training.clock import Clock
from bench.training.divergence import Diverged
from bench.training.events import Evaluated
from bench.training.trainer import Trainer
from methods import METHODS, Method
from methods.functional import squared_error


def trainer(world, saved, checkpoint_seconds=1e9, **spec):
    prepared, evaluator = world

    def save(checkpoint, rows, grids):
        saved.append((checkpoint, [dict(row) for row in rows], grids))

    return Trainer(make_spec(**spec), prepared, evaluator, save, torch.device("cpu"), checkpoint_seconds)


RESUMED = [{"method": name} for name in METHODS] + [
    {"method": "moco", "precision": "bf16", "schedule": "cosine"},
    {"method": "mmd", "epochs": None, "steps": 13, "schedule": "cosine"},
    {"method": "mmd", "epochs": None, "images": 400},
    {"method": "gan", "network": {"name": "dcgan32", "width": 4, "latent_dim": 4}},  # batch norm has running statistics
]


@pytest.mark.parametrize("changes", RESUMED, ids=lambda changes: "-".join(map(str, changes.values())))
def test_a_resumed_training_equals_an_uninterrupted_one_to_the_bit(world, changes):
    whole, saved = [], []
    straight = trainer(world, whole, **changes)
    list(straight.run())
    # A checkpoint after every step, so that the one in the middle lies between two evaluations.
    interrupted = trainer(world, saved, checkpoint_seconds=-1, **changes)
    list(interrupted.run())
    middle = next(checkpoint for checkpoint, rows, _ in saved if len(rows) == 2)
    index = [checkpoint for checkpoint, _, _ in saved].index(middle) + 1
    torch.manual_seed(999)
    resumed = trainer(world, [], **changes)
    resumed.restore(saved[index][0])
    assert 0 < resumed.state.step < resumed.budget.length
    assert resumed.state.summed_steps > 0
    list(resumed.run())
    assert comparable(resumed.state.rows) == comparable(straight.state.rows)
    for key, value in straight.method.state_dict().items():
        assert torch.equal(resumed.method.state_dict()[key], value), key


def test_seeds_differ_and_repeat(world):
    def final(seed):
        training = trainer(world, [], seed=seed)
        list(training.run())
        return comparable(training.state.rows)

    assert final(0) == final(0)
    assert final(0) != final(1)


def test_rows_stand_at_the_evaluation_steps_and_say_what_was_seen(world):
    saved = []
    training = trainer(world, saved)
    events = list(training.run())
    assert training.budget.steps == 16  # 130 images make 4 batches of 32; the partial one is dropped
    rows = training.state.rows
    assert [row["step"] for row in rows[:-1]] == training.budget.marks == [1, 4, 9, 16]
    assert [row["images_seen"] for row in rows] == [32, 128, 288, 512, 512]
    assert rows[-1]["precision_classifier_96"] >= 0  # the last checkpoint's own row
    assert "precision_classifier_96" not in rows[-2]
    assert [event.position.step for event in events if isinstance(event, Evaluated)] == [1, 4, 9, 16]
    assert next(list(grids) for _, _, grids in saved) == ["samples-00000001.png", "reconstructions-00000001.png"]
    assert rows[-1]["epoch"] == 4


def test_train_losses_are_means_since_the_last_row(world):
    training = trainer(world, [], method="mmd")
    seen = []
    inner = training.stepper.__call__

    def watched(step, batch):
        losses = inner(step, batch)
        seen.append(losses["reconstruction"].item())
        return losses

    training.stepper = watched  # pyright: ignore[reportAttributeAccessIssue]
    watched.optimizer = None
    training.checkpoint = lambda: b""
    list(training.run())
    bounds = [0, 1, 4, 9, 16]
    means = [float(np.mean(seen[a:b])) for a, b in itertools.pairwise(bounds)]
    assert [row["train_reconstruction"] for row in training.state.rows[:-1]] == pytest.approx(means, rel=1e-5)


def test_evaluating_more_often_changes_no_training(world):
    def final(evaluations):
        training = trainer(world, [], method="vae")
        training.budget = Budget(training.budget.steps, None, evaluations)
        list(training.run())
        return training.method.state_dict()

    often, seldom = final(8), final(1)
    assert all(torch.equal(often[key], seldom[key]) for key in often)


def recorded_batches(training: Trainer) -> list[torch.Tensor]:
    """Train, and return the images of every step."""
    batches, take_step = [], training.stepper.__call__

    def recorded(step, batch):
        batches.append(batch.clone())
        return take_step(step, batch)

    recorded.optimizer = None
    training.stepper = recorded  # pyright: ignore[reportAttributeAccessIssue]
    training.checkpoint = lambda: b""
    list(training.run())
    return batches


def test_the_order_of_images_is_the_same_for_every_method(world):
    one, two = (recorded_batches(trainer(world, [], method=method)) for method in ("moco", "vae"))
    assert len(one) == len(two) == 16
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


class Exploding(Method):
    """Its loss is finite for two steps, then NaN."""

    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        self.steps = 0

    def losses(self, x):
        self.steps += 1
        reconstruction = squared_error(self.decode(self.encode(x)), x)
        return {"loss": reconstruction * (float("nan") if self.steps > 2 else 1), "reconstruction": reconstruction}


def test_a_loss_that_is_not_finite_ends_the_training_and_keeps_what_was_saved(world, monkeypatch):
    monkeypatch.setitem(METHODS, "exploding", Exploding)
    saved = []
    training = trainer(world, saved, method="exploding")
    with pytest.raises(Diverged, match="loss is nan at step 4"):
        list(training.run())
    assert [row["step"] for row in saved[-1][1]] == [1]


class Breaking(Method):
    """Its last step leaves parameters that are NaN, though every loss was finite."""

    def losses(self, x):
        reconstruction = squared_error(self.decode(self.encode(x)), x)
        return {"loss": reconstruction, "reconstruction": reconstruction}

    def after_step(self):
        for parameter in self.parameters():
            parameter.data.fill_(float("nan"))


def test_a_method_broken_by_its_last_step_has_diverged_not_finished(world, monkeypatch):
    monkeypatch.setitem(METHODS, "breaking", Breaking)
    training = trainer(world, [], method="breaking")
    with pytest.raises(Diverged, match="is nan at step 1"):
        list(training.run())
    assert training.state.rows == []


def test_the_clock_waits_for_the_device_before_anything_else_does(world, monkeypatch):
    """Whatever reads a loss first waits for the queued steps; that wait is training time."""
    training, order = trainer(world, []), []
    monkeypatch.setattr("bench.training.clock.Clock.read", lambda clock: order.append("clock") or clock.seconds)
    original = torch.Tensor.__float__
    monkeypatch.setattr(torch.Tensor, "__float__", lambda t: order.append("loss") or original(t))
    training._step(0)
    clock = Clock(torch.device("cpu"))
    for look in (training._mean_losses, training._progress):
        order.clear()
        look(clock)
        assert order[0] == "clock"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", METHODS)
def test_a_training_on_a_gpu_resumes_to_the_bit(world, name, tmp_path):
    prepared, on_cpu = world
    device = torch.device("cuda")
    network, folder = on_cpu.curve.extractor, Folder(tmp_path)
    evaluator = Evaluator(References(folder, network.to(device), prepared, device), EVALUATION)
    saved = []

    def train(checkpoint=None):
        saved.clear()
        training = Trainer(make_spec(method=name), prepared, evaluator, lambda *a: saved.append(a[0]), device)
        if checkpoint:
            training.restore(checkpoint)
        list(training.run())
        return comparable(training.state.rows)

    straight = train()
    assert train(saved[1]) == straight


def test_slow_storage_gets_fewer_checkpoints(world, monkeypatch):
    """Where a checkpoint takes 30 s, the next one is made ten minutes later at the earliest."""
    now = itertools.count(0, 1)
    monkeypatch.setattr("bench.training.trainer.time.monotonic", lambda: float(next(now)))
    saved = []
    training = trainer(world, saved, checkpoint_seconds=0.5)
    list(training.run())
    often = len(saved)
    assert often == 16  # after every step, of which each takes a second or more here
    monkeypatch.setattr("bench.training.trainer.SLOW_SAVE", 0.5)
    monkeypatch.setattr("bench.training.trainer.SAVING_SHARE", 0.001)
    saved.clear()
    list(trainer(world, saved, checkpoint_seconds=0.5).run())
    assert len(saved) == 4  # at the evaluations alone, which are kept whatever it takes


@pytest.mark.parametrize("method", ["gan", "moco"])
def test_a_training_of_replayed_steps_has_the_rows_of_one_of_steps_done_anew(world, method):
    """Evaluations stand between replays, sums of losses are copies, and a resumed training records again."""

    def train(graph, checkpoint=None):
        prepared, evaluator = world
        saved = []
        training = Trainer(
            make_spec(method=method, schedule="cosine", epochs=6),
            prepared,
            evaluator,
            lambda *a: saved.append(a[0]),
            torch.device("cpu"),
            graph=graph,
        )
        if checkpoint:
            training.restore(checkpoint)
        list(training.run())
        return comparable(training.state.rows), saved

    straight, _ = train(Recomputed())
    replayed, saved = train(Tape())
    assert replayed == straight
    assert train(Tape(), saved[len(saved) // 2])[0] == straight


class Ticking(Clock):
    """A clock by which every step takes `tick` seconds."""

    tick = 1.0

    def __enter__(self):
        pass

    def __exit__(self, *_):
        self.seconds += self.tick


@pytest.fixture
def _ticking(monkeypatch):
    monkeypatch.setattr("bench.training.trainer.Clock", Ticking)


SECONDS = {"epochs": None, "seconds": 16.0}


@pytest.mark.usefixtures("_ticking")
def test_a_budget_in_seconds_ends_by_the_clock_which_continues_from_a_checkpoint(world):
    whole, saved = trainer(world, [], **SECONDS), []
    list(whole.run())
    assert [row["train_seconds"] for row in whole.state.rows[:-1]] == [1, 4, 9, 16]
    interrupted = trainer(world, saved, checkpoint_seconds=-1, **SECONDS)
    list(interrupted.run())
    resumed = trainer(world, [], **SECONDS)
    resumed.restore(saved[6][0])
    assert 4 < resumed.state.train_seconds < 9
    list(resumed.run())
    assert comparable(resumed.state.rows) == comparable(whole.state.rows)
    finished = trainer(world, [], **SECONDS)
    finished.restore(saved[-1][0])
    assert list(finished.run()) == []


@pytest.mark.usefixtures("_ticking")
def test_slower_steps_do_less_in_equal_time(world, monkeypatch):
    monkeypatch.setattr(Ticking, "tick", 3.0)
    slow = trainer(world, [], **SECONDS)
    events = [event for event in slow.run() if isinstance(event, Evaluated)]
    assert [row["step"] for row in slow.state.rows[:-1]] == [1, 2, 3, 6]
    assert [row["train_seconds"] for row in slow.state.rows[:-1]] == [3, 6, 9, 18]
    assert [event.fraction for event in events] == [3 / 16, 6 / 16, 9 / 16, 1]


@pytest.mark.usefixtures("_ticking")
def test_a_cosine_falls_to_zero_along_the_budget(world):
    for budget, length in (({"epochs": 4}, 16), ({"epochs": None, "steps": 10}, 10), (SECONDS, 16.0)):
        training = trainer(world, [], schedule="cosine", **budget)
        rate = training.stepper.learning_rate
        assert rate(length / 2) == pytest.approx(rate(0) / 2)
        assert rate(length) == rate(length + 1) == pytest.approx(0)
        given = []
        step = training.stepper.__call__
        training.stepper = lambda at, batch, step=step, given=given: given.append(at) or step(at, batch)
        training.checkpoint = lambda: b""
        list(training.run())
        assert given == list(range(int(length)))
