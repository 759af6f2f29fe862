"""bench.load: an experiment from Python."""

import subprocess
import sys

import pandas as pd
import pytest
import torch
from project import ROOT
from runs import rows_of

import bench
from bench.data.images import to_uint8
from bench.errors import UserError
from bench.store.folders import ExperimentFolder
from methods import METHODS, Method


def test_rows_trials_and_methods(bench_run, tmp_path):
    assert bench_run("--methods", "moco,vae,mmd[prior=sphere]", "--seeds", "2").exit_code == 0
    loaded = bench.load(tmp_path / "out")
    assert loaded.rows.groupby(["variant", "seed"]).size().tolist() == [4] * 6
    assert set(loaded.trials["state"]) == {"done"}
    for variant in ("moco", "vae", "mmd[prior=sphere]"):
        method = loaded.method(variant, seed=1)
        assert isinstance(method, Method)
        assert not method.training
        images = method.sample(5)
        assert images.shape == (5, 1, 8, 8)
        codes = method.encode(images)
        assert codes.shape == (5, 8)
        assert method.decode(codes).shape == images.shape
        assert not images.requires_grad


def test_a_loaded_method_gives_the_samples_of_its_last_evaluation(bench_run, tmp_path):
    """The grid on disk was drawn by the method as it was trained, with the evaluation's seed."""
    import io

    from bench.evaluation.image_grids import grid_png

    assert bench_run("--methods", "moco", "--seeds", "1").exit_code == 0
    method = bench.load(tmp_path / "out").method("moco")
    torch.manual_seed(0)
    drawn = grid_png(to_uint8(method.sample(64)))
    folder = ExperimentFolder(tmp_path / "out").trials()[0]
    stored = sorted((folder.path / "samples").glob("samples-*.png"))[-1]
    assert io.BytesIO(drawn).getvalue() == stored.read_bytes()


def test_seeds_and_ids_name_different_trainings(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "2").exit_code == 0
    loaded = bench.load(str(tmp_path / "out"))
    first, second = loaded.method("mmd", 0), loaded.method("WAE-MMD", 1)
    by_id = loaded.method(loaded.trials.set_index("seed").loc[1, "trial"])
    pairs = zip(second.state_dict().values(), by_id.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.encoder.body[0].weight, second.encoder.body[0].weight)


def test_mistakes_are_one_line(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    with pytest.raises(UserError, match="is not an experiment"):
        bench.load(tmp_path)
    loaded = bench.load(tmp_path / "out")
    with pytest.raises(UserError, match=r"the experiment has no variant or trial 'mmdd'\. Did you mean mmd\?"):
        loaded.method("mmdd")
    with pytest.raises(UserError, match="mmd has no seed 7; its seeds: 0"):
        loaded.method("mmd", seed=7)
    with pytest.raises(UserError, match="this machine has no device 'gpu'"):
        loaded.method("mmd", device="gpu")
    for call in (loaded.method, loaded.data, loaded.table):
        with pytest.raises(UserError, match=r"\['mmd'\]"):
            call(["mmd"])
    with pytest.raises(UserError, match="an experiment is the path of a folder, such as 'results/digits', not 3"):
        bench.load(3)
    with pytest.raises(UserError, match=r"plugins takes a list of files, such as \['mine.py'\], not {'mine.py': 1}"):
        bench.load(tmp_path / "out", plugins={"mine.py": 1})
    for path in (tmp_path / "out").glob("trials/*/checkpoint*"):
        path.unlink()
    with pytest.raises(UserError, match="no longer has a checkpoint"):
        loaded.method("mmd")


def test_a_method_from_a_plug_in_needs_it(bench_run, plugin, tmp_path):
    body = "r = squared_error(self.decode(self.encode(x)), x); return dict(loss=r, reconstruction=r)"
    path = plugin(body)
    assert bench_run("--plugin", path, "--methods", "broken", "--seeds", "1").exit_code == 0
    del METHODS["broken"]  # as in another process
    loaded = bench.load(tmp_path / "out")
    with pytest.raises(UserError, match=r"comes from a plug-in; give its file"):
        loaded.method("broken")
    assert bench.load(tmp_path / "out", plugins=path).method("broken").sample(2).shape == (2, 1, 8, 8)


def test_importing_bench_is_cheap():
    code = "import sys, bench; print([name for name in ('torch', 'pandas', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_rows_are_those_of_the_report(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    curves = pd.read_parquet(tmp_path / "out" / "report" / "curves.parquet")
    pd.testing.assert_frame_equal(bench.load(tmp_path / "out").rows, curves)
    assert len(rows_of(tmp_path / "out")) == 4
