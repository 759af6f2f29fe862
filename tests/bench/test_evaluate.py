"""bench.evaluate and bench.sample: what can be done with finished trials, without training."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from runs import sets
from typer.testing import CliRunner

from bench.analysis import frames
from bench.data.prepared import Prepared
from bench.evaluation import inception
from bench.evaluation.feature_network import load_extractor
from bench.io.files import sha256
from bench.metrics.frechet import frechet_distance, gaussian
from bench.store.folders import ExperimentFolder
from methods.priors import Normal, Sphere


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """moco and vae, trained for two epochs."""
    from bench.run import app

    root = tmp_path_factory.mktemp("trained")
    places = ["--out", str(root / "out"), "--data-root", str(root / "data"), "--executor", "serial"]
    result = CliRunner().invoke(app, ["--methods", "moco,vae", "--seeds", "1", *places, *sets()])
    assert result.exit_code == 0, result.output
    return root / "out"


@pytest.fixture
def finished(trained, tmp_path):
    """A copy of it, for the test to change."""
    return shutil.copytree(trained, tmp_path / "out")


def evaluate(*arguments: str):
    from bench.evaluate import app

    return CliRunner().invoke(app, [*map(str, arguments)])


def sample(*arguments: str):
    from bench.sample import app

    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.reports
def test_a_mixture_is_scored_apart_from_the_prior_and_only_once(finished):
    before = frames.rows(ExperimentFolder(finished))
    result = evaluate(finished, "--sampler", "gmm")
    assert result.exit_code == 0, result.output
    rows = frames.rows(ExperimentFolder(finished))
    assert len(rows) == len(before) + 2
    added = rows[rows["sampler"] == "gmm"]
    assert added["step"].tolist() == [8, 8]
    assert (added["n_generated"] == 96).all()
    summary = pd.read_csv(finished / "report" / "summary.csv").set_index("variant")
    apart = ["fd_classifier_96_mean", "fd_classifier_96 [sampler=gmm]_mean"]
    assert np.isfinite(summary[apart].to_numpy()).all()
    assert (summary[apart[0]] != summary[apart[1]]).all()
    assert "96 from a mixture fitted to the codes" in (finished / "report" / "index.html").read_text()
    again = evaluate(finished, "--sampler", "gmm")
    assert again.output.count("measured already") == 2
    assert len(frames.rows(ExperimentFolder(finished))) == len(rows)
    assert evaluate(finished, "--sampler", "gmm", "--force").output.count("measured already") == 0
    pd.testing.assert_frame_equal(
        frames.rows(ExperimentFolder(finished)).drop(columns="evaluation_seconds"),
        rows.drop(columns="evaluation_seconds"),
    )


def test_the_protocol_of_the_training_is_known_to_be_measured(finished):
    result = evaluate(finished)
    assert result.exit_code == 0, result.output
    assert result.output.count("measured already") == 2


@pytest.mark.reports
def test_optional_metrics_are_added_to_finished_trials(finished):
    before = frames.rows(ExperimentFolder(finished))
    assert evaluate(finished, "--metrics", "sharpness").exit_code == 0
    result = evaluate(finished, "--metrics", "all")
    assert result.exit_code == 0, result.output
    rows = frames.rows(ExperimentFolder(finished))
    added = rows[rows["afterwards"]]
    assert len(added) == 2  # the second row has all that the first had
    names = [*("fd_classifier_infinity_96", "sharpness_96", "authenticity_classifier_96"), "latent_probe"]
    assert np.isfinite(added[names].to_numpy()).all()
    trained = before[before["fd_classifier_96"].notna()]
    assert added["fd_classifier_96"].tolist() == trained["fd_classifier_96"].tolist()
    assert not [column for column in rows if "[" in column]  # one protocol
    summary = pd.read_csv(finished / "report" / "summary.csv")
    assert np.isfinite(summary[[f"{name}_mean" for name in names]].to_numpy()).all()
    text = (finished / "report" / "summary.md").read_text()
    for heading in ("FD∞ ↓", "sharpness ≈", "authenticity ≈", "copying ≈", "linear probe"):
        assert heading in text
    assert "Copying (0 to 1): the probability" in text
    assert evaluate(finished, "--metrics", "all").output.count("measured already") == 2
    assert evaluate(finished, "--metrics", "sharpness,probe").output.count("measured already") == 2


def test_a_metric_added_later_loses_none_that_was_added_before(finished):
    for name in ("probe", "sharpness"):
        assert evaluate(finished, "--metrics", name).exit_code == 0
    rows = frames.rows(ExperimentFolder(finished))
    assert rows[["latent_probe", "sharpness_96"]].notna().sum().tolist() == [2, 2]


def test_an_unknown_metric_is_named(finished):
    result = evaluate(finished, "--metrics", "sharpnes")
    assert result.exit_code == 2
    assert "unknown metric 'sharpnes'. Did you mean sharpness?" in result.stderr


@pytest.fixture
def photos(image_tree, monkeypatch):
    """Arguments of a tiny run on colour images; Inception gives features of its first block, which cost less."""
    monkeypatch.setattr(inception, "FEATURES", 64)
    root = image_tree("cifar10", 32, 3, train=60, test=40)
    narrow = ["network.width=4", "network.latent_dim=4", "training.batch_size=20"]
    return ["--methods", "mmd", "--dataset", "cifar10", "--data-root", str(root), "--seeds", "1"], [
        part for each in narrow for part in ("--set", each)
    ]


@pytest.mark.slow
def test_inception_scores_finished_trials_under_fids_own_names(photos, bench_run, tmp_path, inception_weights):
    arguments, narrow = photos
    out = tmp_path / "out"
    assert bench_run(*arguments, *narrow).exit_code == 0
    checkpoints = {path: path.read_bytes() for path in out.rglob("checkpoint.pt")}
    result = evaluate(out, "--extractor", "inception", "--inception-weights", inception_weights, "--samples", "16")
    assert result.exit_code == 0, result.output
    rows = frames.rows(ExperimentFolder(out))
    added = rows.dropna(subset=["fid_16"])
    assert len(added) == 1
    assert (added[["kid_16", "precision_16", "coverage_16", "fid_16_floor", "fid_reconstruction_80"]].notna()).all(
        axis=None
    )
    assert added["reference_split"].tolist() == ["train"]
    assert added["extractor_sha256"].tolist() == [sha256(inception_weights.read_bytes())]
    assert added["extractor_accuracy"].isna().all()
    assert rows["fd_classifier_96"].notna().any()
    assert "fid_16 ↓" in result.output
    assert all(path.read_bytes() == content for path, content in checkpoints.items())


@pytest.mark.slow
def test_a_run_with_inception_has_fid_from_the_start_and_goes_on_with_it(
    photos, bench_run, tmp_path, monkeypatch, inception_weights
):
    arguments, narrow = photos
    monkeypatch.setenv(inception.WEIGHTS, str(inception_weights))
    result = bench_run(*arguments, *narrow)
    assert result.exit_code == 0, result.output
    rows = frames.rows(ExperimentFolder(tmp_path / "out"))
    assert rows["fid_64"].notna().any()
    assert rows["fid_96"].notna().any()
    assert not [column for column in rows if column.startswith("fd_")]
    monkeypatch.delenv(inception.WEIGHTS)
    again = bench_run(*arguments, *narrow)  # what "auto" was then, it stays
    assert again.exit_code == 2
    assert "no Inception weights for FID: " in again.stderr


def test_without_weights_auto_says_so_once_and_inception_refuses(photos, bench_run, tmp_path):
    arguments, narrow = photos
    refused = bench_run(*arguments, *narrow, "--extractor", "inception")
    assert refused.exit_code == 2
    assert "give pytorch-fid's file with --inception-weights" in refused.stderr
    assert not (tmp_path / "out").exists()
    result = bench_run(*arguments, *narrow)
    assert result.exit_code == 0, result.output
    assert result.output.count("no Inception weights for FID") == 1
    assert result.output.index("no Inception weights for FID") < result.output.index("training the classifier")
    columns = frames.rows(ExperimentFolder(tmp_path / "out")).columns
    assert "fd_classifier_96" in columns
    assert not [column for column in columns if column.startswith(("fid", "kid"))]


def test_full_metrics_are_measured_under_the_protocol_of_the_curve_too(finished):
    """A quick row of it is there, but it does not hold precision and the rest."""
    result = evaluate(finished, "--split", "test", "--samples", "64")
    assert result.exit_code == 0, result.output
    assert "measured already" not in result.output
    rows = frames.rows(ExperimentFolder(finished))
    assert rows.loc[rows["afterwards"], ["fd_classifier_64", "precision_classifier_64"]].notna().all(axis=None)
    assert evaluate(finished, "--split", "test", "--samples", "64").output.count("measured already") == 2


def test_trials_that_cannot_be_scored_are_named_and_the_others_are_scored(finished):
    trial = next(finished.glob("trials/vae-*"))
    for path in trial.glob("checkpoint*.pt"):
        path.unlink()
    result = evaluate(finished, "--sampler", "gmm")
    assert result.exit_code == 1
    assert f"error: {trial.name} no longer has a checkpoint; bench.run --force trains it again" in result.stderr
    added = frames.rows(ExperimentFolder(finished)).query("afterwards")
    assert added["method"].tolist() == ["moco"]


def test_a_stale_trial_is_not_scored_with_other_code(finished, monkeypatch):
    monkeypatch.setattr(frames, "is_stale", lambda _: True)
    result = evaluate(finished)
    assert result.exit_code == 2
    assert "is stale: its code has changed" in result.stderr


def test_a_trial_scored_under_other_draws_gets_a_column_of_its_own(finished):
    assert evaluate(finished, "--seed", "5").exit_code == 0
    summary = pd.read_csv(finished / "report" / "summary.csv")
    assert {"fd_classifier_96_mean", "fd_classifier_96 [sampling_seed=5]_mean"} <= set(summary.columns)


def test_samples_are_those_of_the_trained_method(finished, tmp_path):
    import bench

    trial = next(finished.glob("trials/moco-*"))
    result = sample(trial, "--count", "20", "--out", tmp_path / "grid.png", "--npz", tmp_path / "a.npz")
    assert result.exit_code == 0, result.output
    arrays = np.load(tmp_path / "a.npz")
    assert (arrays["images"].shape, arrays["images"].dtype) == ((20, 1, 8, 8), np.uint8)
    method = bench.load(finished).method("moco")
    torch.manual_seed(0)
    drawn = method.sample(20)
    np.testing.assert_allclose(arrays["images"], ((drawn + 1) * 127.5).round().clamp(0, 255).numpy(), atol=1)
    assert Image.open(tmp_path / "grid.png").size == (8 * 33 + 1, 3 * 33 + 1)
    other = sample(trial, "--count", "20", "--seed", "1", "--out", tmp_path / "b.png", "--npz", tmp_path / "b.npz")
    assert other.exit_code == 0
    assert not np.array_equal(np.load(tmp_path / "b.npz")["images"], arrays["images"])


def test_reconstructions_stand_below_their_originals(finished, tmp_path):
    trial = next(finished.glob("trials/moco-*"))
    options = [
        "--kind",
        "reconstructions",
        "--count",
        "12",
        "--out",
        tmp_path / "grid.png",
        "--npz",
        tmp_path / "a.npz",
    ]
    assert sample(trial, *options).exit_code == 0
    arrays = np.load(tmp_path / "a.npz")
    assert arrays["originals"].shape == arrays["images"].shape == (12, 1, 8, 8)
    assert Image.open(tmp_path / "grid.png").size == (8 * 33 + 1, 4 * 33 + 1)
    np.testing.assert_allclose(np.linalg.norm(arrays["codes"], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("method", ["moco", "vae"])
def test_interpolations_begin_and_end_at_reconstructions(finished, tmp_path, method):
    trial = next(finished.glob(f"trials/{method}-*"))
    options = ["--kind", "interpolations", "--count", "16", "--out", tmp_path / "grid.png", "--npz", tmp_path / "a.npz"]
    assert sample(trial, *options).exit_code == 0
    codes = np.load(tmp_path / "a.npz")["codes"].reshape(2, 8, -1)
    steps = np.linalg.norm(np.diff(codes, axis=1), axis=2)
    np.testing.assert_allclose(steps, steps[:, :1].repeat(7, 1), rtol=1e-3)  # at constant speed
    if method == "moco":
        np.testing.assert_allclose(np.linalg.norm(codes, axis=2), 1, atol=1e-5)


def test_the_mixture_can_be_looked_at(finished, tmp_path):
    trial = next(finished.glob("trials/vae-*"))
    result = sample(
        trial, "--sampler", "gmm", "--count", "8", "--out", tmp_path / "grid.png", "--npz", tmp_path / "a.npz"
    )
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "a.npz")["images"].shape == (8, 1, 8, 8)


def test_the_great_circle_keeps_to_the_sphere_at_constant_speed_also_between_equal_points():
    sphere, t = Sphere(5), torch.linspace(0, 1, 9)[:, None]
    torch.manual_seed(0)
    for a, b in (sphere.sample(2), (sphere.sample(1)[0],) * 2):
        path = sphere.interpolate(a.expand(9, 5), b.expand(9, 5), t)
        torch.testing.assert_close(path.norm(dim=1), torch.ones(9))
        torch.testing.assert_close((path[0], path[-1]), (a, b))
        angles = torch.acos((path[1:] * path[:-1]).sum(1).clamp(-1, 1))
        torch.testing.assert_close(angles, torch.acos((a @ b).clamp(-1, 1)).expand(8) / 8, atol=1e-3, rtol=0)
    torch.testing.assert_close(
        Normal(2).interpolate(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([[0.25]])), torch.full((1, 2), 0.25)
    )


def test_files_of_samples_have_the_distance_that_the_trial_has(finished, tmp_path):
    """What another tool computes from the files is what stands in the table."""
    trial = next(finished.glob("trials/moco-*"))
    folder = tmp_path / "images"
    result = sample(trial, "--count", "96", "--folder", folder, "--npz", tmp_path / "a.npz")
    assert result.exit_code == 0, result.output
    images = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])[:, None]
    assert (images.shape, images.dtype) == ((96, 1, 8, 8), np.uint8)
    assert np.array_equal(np.load(tmp_path / "a.npz")["images"], images)
    environment = json.loads((trial / "environment.json").read_text())
    data = Prepared(Path(environment["data"]))
    extractor = load_extractor((finished / "extractor" / "extractor.pt").read_bytes())
    real, made = (gaussian(extractor(torch.from_numpy(x))) for x in (data.images("test"), images))
    rows = frames.rows(ExperimentFolder(finished)).query("method == 'moco'")
    assert frechet_distance(made, real) == pytest.approx(rows["fd_classifier_96"].dropna().item(), rel=1e-4)


def test_files_of_samples_are_continued_and_never_mixed(finished, tmp_path):
    trial = next(finished.glob("trials/moco-*"))
    folder = tmp_path / "images"
    assert sample(trial, "--count", "40", "--folder", folder).exit_code == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("00003.png", "00039.png"):
        (folder / name).unlink()
    result = sample(trial, "--count", "40", "--folder", folder)
    assert "40 samples" in result.output
    assert "(38 were there already)" in result.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    for others, told in (
        (("--seed", "1"), "seed is 0 there and 1 here"),
        (("--sampler", "gmm"), "sampler is prior there"),
    ):
        refused = sample(trial, "--count", "40", "--folder", folder, *others)
        assert refused.exit_code == 2
        assert f"holds other samples ({told}" in refused.stderr
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.png").touch()
    refused = sample(trial, "--count", "40", "--folder", tmp_path / "photos")
    assert "holds other files; name a new folder" in refused.stderr
    assert sample(trial, "--kind", "interpolations", "--folder", folder).exit_code == 2
