"""How long a training lasts, in each unit."""

import math

import pytest

from bench.experiment.settings import Training
from bench.training.budget import Budget


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({"epochs": 4}, 16),  # 130 images make 4 batches of 32; the partial one is dropped
        ({"steps": 7}, 7),
        ({"images": 100}, 4),
        ({"images": 128}, 4),
    ],
)
def test_a_budget_in_epochs_steps_or_images_is_a_number_of_steps(given, steps):
    budget = Budget.of(Training(batch_size=32, **given), images=130, evaluations=4)
    assert (budget.steps, budget.seconds, budget.length) == (steps, None, steps)
    assert budget.marks == sorted({math.ceil(steps * k * k / 16) for k in range(1, 5)})


def test_a_budget_in_seconds_is_evaluated_at_fractions_of_it():
    budget = Budget.of(Training(seconds=80), images=130, evaluations=4)
    assert (budget.steps, budget.length) == (None, 80)
    assert budget.marks == [5, 20, 45, 80]
    assert not budget.is_due(0, 4.9)
    assert budget.is_due(0, 5.3)
    assert not budget.is_due(5.3, 19.9)
    assert budget.is_due(5.3, 50)  # a slow step passed two marks: one evaluation
    assert not budget.is_due(50, 79)
    assert budget.is_due(50, 80)


def test_the_last_mark_is_the_end_whatever_the_rounding():
    for n in range(1, 60):
        assert Budget(None, 10.1, n).marks[-1] == 10.1
