"""experiment.yaml: what commands have planned so far."""

from specimens import SOURCE, make_trial

from bench.driver.resume import describe
from bench.experiment.specification import DatasetIdentity
from bench.store.folders import ExperimentFolder

DATASET = DatasetIdentity(name="digits", fingerprint="f" * 64)


def planned_by(folder, labels: list[str], seeds: range) -> dict[str, list[int]]:
    trials = [make_trial(label, seed, SOURCE, dataset=DATASET) for label in labels for seed in seeds]
    describe(folder, trials, len(seeds), "bench.run", "0" * 64, 0, {})
    return folder.description().planned


def test_every_command_adds_what_it_plans(tmp_path):
    folder = ExperimentFolder(tmp_path / "exp")
    assert planned_by(folder, ["moco", "mmd"], range(3)) == {"moco": [0, 1, 2], "mmd": [0, 1, 2]}
    assert planned_by(folder, ["moco", "gan"], range(2)) == {"moco": [0, 1, 2], "mmd": [0, 1, 2], "gan": [0, 1]}
    assert planned_by(folder, ["mmd"], range(1000, 1002))["mmd"] == [0, 1, 2, 1000, 1001]  # as a search's last stage
    assert folder.description().seeds == 3
