"""experiment.yaml: what commands have planned so far."""

from specimens import SOURCE, make_trial

from bench.driver.resume import describe
from bench.experiment.specification import DatasetIdentity
from bench.store.folders import ExperimentFolder

DATASET = DatasetIdentity(name="digits", fingerprint="f" * 64)


def planned_by(folder, labels: list[str], seeds: int) -> dict[str, int]:
    trials = [make_trial(label, seed, SOURCE, dataset=DATASET) for label in labels for seed in range(seeds)]
    describe(folder, trials, seeds, "bench.run", "0" * 64, 0, {})
    return folder.description().planned


def test_every_command_adds_what_it_plans(tmp_path):
    folder = ExperimentFolder(tmp_path / "exp")
    assert planned_by(folder, ["moco", "mmd"], 3) == {"moco": 3, "mmd": 3}
    assert planned_by(folder, ["moco", "gan"], 2) == {"moco": 3, "mmd": 3, "gan": 2}
    assert planned_by(folder, ["mmd"], 5) == {"moco": 3, "mmd": 5, "gan": 2}
    assert folder.description().seeds == 5
