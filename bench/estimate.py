"""How long trials will take: a few steps and one batch of every part of an evaluation, timed here and now."""

import time
from collections.abc import Callable
from typing import Any

import torch

from bench.config import Evaluation, Training
from bench.evaluation.evaluator import HELD_OUT
from bench.evaluation.extractor import Classifier
from bench.images import to_unit
from bench.sources import DATASETS
from bench.step import Stepper
from bench.train import build, evaluation_steps
from bench.trials import Trial

BUDGET = 0.1  # seconds that one timing may take, beyond its first call


def trial_seconds(trial: Trial) -> float:
    """Seconds that one trial takes on this machine's CPU with its own threads, evaluations included."""
    torch.set_num_threads(trial.spec["threads"])
    facts = DATASETS[trial.spec["dataset"]["name"]]
    training = Training.model_validate(trial.spec["training"])
    evaluation = Evaluation.model_validate(trial.spec["evaluation"])
    train, _, test = facts.images
    images = min(train, training.train_images or train)
    batch_size = min(training.batch_size, images)
    total = images // batch_size * training.epochs

    method = build(trial.spec, facts.shape)
    stepper = Stepper(method, training, total)
    batch = torch.randint(0, 256, (batch_size, *facts.shape), dtype=torch.uint8)
    step = _timed(lambda: stepper(0, batch))

    method.eval()
    classifier = Classifier(facts.shape, 10).eval()
    with torch.no_grad():
        generate = _timed(lambda: classifier(method.sample(batch_size))) / batch_size
        reconstruct = _timed(lambda: method.decode(method.encode(to_unit(batch)))) / batch_size
    once = evaluation.samples * generate + min(test, HELD_OUT) * reconstruct
    return total * step + len(evaluation_steps(total, evaluation.evaluations)) * once


def _timed(call: Callable[[], Any]) -> float:
    """Seconds of one call: the mean of as many as fit into BUDGET, after one that does not count."""
    call()
    started, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - started < BUDGET:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls
