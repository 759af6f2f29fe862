"""An experiment of an older version (tests/data/README.md) stays readable: it is reported, loaded, resumed, extended.

Only the commands and the public Python interface are used, so that this file never needs to change. It changed once:
since then, the protocol of version 0.1 must be named, because the defaults are others (the last three of SETTINGS).
"""

import json
import math
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import csv

import bench

DATA = Path(__file__).parent.parent / "data"
PLUGIN = DATA / "witness.py"
SETTINGS = {
    "network.width": "2",
    "network.latent_dim": "2",
    "training.epochs": "1",
    "training.train_images": "200",
    "training.batch_size": "10",
    "evaluation.evaluations": "3",
    "evaluation.samples": "64",
    "evaluation.final_samples": "96",
    "evaluation.extractor_steps": "20",
    "evaluation.target": "82.4",
    "training.learning_rate": "0.004",
    "training.weight_units": "absolute",
    "network.scaled_codes": "false",
}
TIMINGS = ["train_seconds", "cpu_share", "images_per_second", "evaluation_seconds", "peak_memory_mb"]
LAST_STEP = 20


@pytest.fixture
def witness(tmp_path):
    """The unpacked experiment; the tables of its report then are beside it, in witness-then/."""
    with tarfile.open(DATA / "witness.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "witness"


def command(folder: Path, name: str, *arguments: str) -> str:
    """Run `python -m bench.NAME` beside the experiment; its output."""
    line = [sys.executable, "-m", f"bench.{name}", *arguments]
    ended = subprocess.run(line, cwd=folder.parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def run(folder: Path, methods: str, *options: str) -> str:
    sets = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    fixed = ["--plugin", str(PLUGIN), "--dataset", "digits", "--executor", "serial", "--out", str(folder)]
    return command(folder, "run", "--methods", methods, *fixed, *sets, *options)


CHOSEN = {
    "energy[point=1]": "energy[learning_rate=0.01312,weight=2.644]",
    "plain[point=1]": "plain[learning_rate=0.01311]",
}


def table(path: Path) -> pd.DataFrame:
    return csv.read_csv(path).to_pandas()  # which reads floats exactly


def trial(folder: Path, variant: str, seed: int) -> Path:
    """The folder of one trial."""
    for spec in folder.glob("trials/*/spec.json"):
        document = json.loads(spec.read_text())
        if (document["label"], document["spec"]["seed"]) == (variant, seed):
            return spec.parent
    raise AssertionError(f"{folder} has no trial {variant} with seed {seed}")


def status(folder: Path, variant: str, seed: int) -> dict:
    return json.loads((trial(folder, variant, seed) / "status.json").read_text())


def own(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the plug-in's methods, which are never stale, without columns that only others have."""
    return frame[~frame["variant"].str.startswith("moco")].reset_index(drop=True).dropna(axis=1, how="all")


def named_by_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Name chosen points by their values, as reports do now, if the frame names them by their numbers."""
    return frame.assign(variant=frame["variant"].replace(CHOSEN))


def same(now: pd.DataFrame, then: pd.DataFrame) -> None:
    """Every column of then must be in now, with the same values."""
    assert len(then)
    pd.testing.assert_frame_equal(now[then.columns], then, check_dtype=False, check_exact=True)


def test_it_is_reported_with_the_same_numbers(witness):
    output = command(witness, "report", str(witness))
    report, then = witness / "report", witness.parent / "witness-then"
    for name in ("summary", "seeds", "times", "search", "search_summary"):
        before = own(table(then / f"{name}.csv"))
        # Of two seeds, version 0.1 gave an interval, 12.7 standard errors wide, now there is none; and the later of two
        # times as their median, which is their mean now.
        changed = ("_low", "_high", "_to_target")
        others = [column for column in before if column.endswith(changed)] if name == "summary" else []
        same(own(table(report / f"{name}.csv")), named_by_values(before).drop(columns=others))
    trials = table(report / "trials.csv")
    before = named_by_values(own(table(then / "trials.csv")))
    same(own(trials), before.assign(machine=before["machine"].str.replace("1 threads", "1 thread")))
    assert {variant.partition("[")[0]: n for variant, n in trials["variant"].value_counts().items()} == {
        "moco": 2,
        "energy": 2,
        "plain": 2,
    }
    assert "1 failed, 1 unfinished" in output
    assert "sampler=gmm" in (report / "summary.md").read_text()


def test_it_is_loaded_with_every_row_and_a_trained_method(witness):
    loaded = bench.load(witness, plugins=[PLUGIN])
    then = table(witness.parent / "witness-then" / "rows.csv")
    keys = ["trial", "step", "n_generated", "sampler"]
    rows = loaded.rows.sort_values(keys, ignore_index=True)
    same(rows, then.sort_values(keys, ignore_index=True))
    assert len(loaded.trials) == 6
    images = loaded.method("energy[point=1]", seed=0).sample(5)
    assert images.shape == (5, 1, 8, 8)
    assert images.isfinite().all()


def test_it_is_resumed_from_its_checkpoints(witness):
    before = bench.load(witness, plugins=[PLUGIN]).rows
    done = status(witness, "energy[point=1]", 0)
    run(witness, "energy[point=1],plain[point=1]", "--seeds", "2", "--retry-failed")
    after = bench.load(witness, plugins=[PLUGIN]).rows
    for seed in (0, 1):
        now = status(witness, "plain[point=1]", seed)
        assert now["state"] == "done"
        assert now["attempts"][-1]["from_step"] == 9
        mine = (after["variant"] == "plain[point=1]") & (after["seed"] == seed)
        old = before[(before["variant"] == "plain[point=1]") & (before["seed"] == seed)].reset_index(drop=True)
        assert list(after.loc[mine, "step"]) == [3, 9, LAST_STEP, LAST_STEP]
        same(after[mine].reset_index(drop=True).iloc[:2], old.dropna(axis=1))
    assert status(witness, "energy[point=1]", 0) == done


def test_its_search_is_not_run_again(witness):
    points = {path: path.stat().st_mtime_ns for path in witness.glob("search/trials/*/status.json")}
    search = ["--tune", "2", "--set", "search.seeds=1", "--set", "search.final_seeds=0"]
    output = run(witness, "energy,plain", "--seeds", "1", *search, "--retry-failed")
    assert {path: path.stat().st_mtime_ns for path in witness.glob("search/trials/*/status.json")} == points
    assert "energy[point=1]" in output
    assert "plain[point=1]" in output


def test_it_is_extended_by_a_method_and_a_seed(witness):
    before = bench.load(witness, plugins=[PLUGIN]).rows
    run(witness, "energy[point=1],autoencoder", "--seeds", "3")
    loaded = bench.load(witness, plugins=[PLUGIN])
    done = loaded.trials[loaded.trials["state"] == "done"]
    assert sorted(done.loc[done["variant"] == "energy[point=1]", "seed"]) == [0, 1, 2]
    assert sorted(done.loc[done["variant"] == "autoencoder", "seed"]) == [0, 1, 2]
    kept = loaded.rows[loaded.rows["trial"].isin(before["trial"])].reset_index(drop=True)
    same(kept[before.columns], before)
    new = loaded.rows[~loaded.rows["trial"].isin(before["trial"])]
    assert all(math.isfinite(value) for value in new["reconstruction_test"].dropna())
