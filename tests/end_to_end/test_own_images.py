"""Images from an array file, from the command to the report."""

import numpy as np

from bench.store.folders import ExperimentFolder


def test_images_of_an_array_file_are_trained_on(bench_run, tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (900, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images)
    own = ["--dataset", "arrays", "--data-root", str(tmp_path / "mine.npz"), "--image-size", "8", "--grey"]
    own += ["--extractor", "rotation"]  # noise looks the same however it is turned, so "auto" would refuse
    result = bench_run("--methods", "autoencoder", "--seeds", "1", *own)
    assert result.exit_code == 0, result.output
    [trial] = ExperimentFolder(tmp_path / "out").trials()
    identity = trial.trial().spec.dataset
    assert identity is not None
    assert identity.name == "arrays"
    dry = bench_run("--methods", "autoencoder", "--dataset", "torchvision.USPS", "--image-size", "8", "--dry-run")
    assert "time and disk are known once the images are here; python -m bench.prepare torchvision.USPS" in dry.output
