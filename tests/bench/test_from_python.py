"""bench.run from Python: the same as the command line, and its mistakes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from project import ROOT
from runs import TINY, rows_of

import bench
from bench.errors import UserError
from bench.from_python import command_line
from bench.store.folders import ExperimentFolder


@pytest.fixture
def trained(tmp_path):
    options = {"out": tmp_path / "out", "data_root": tmp_path / "data", "executor": "serial", "seeds": 1}
    return bench.run(methods=["mmd", "autoencoder"], settings=TINY, **options)


def test_a_call_equals_the_command(trained, bench_run, tmp_path):
    assert bench_run("--methods", "mmd,autoencoder", "--seeds", "1", out="typed").exit_code == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "typed"), check_exact=True)
    command = ExperimentFolder(tmp_path / "out").require_description().commands[-1]
    assert command.startswith("python -m bench.run --methods mmd,autoencoder --out")
    assert sorted(trained.trials["variant"]) == ["autoencoder", "mmd"]


def test_tables_images_and_the_page_are_at_hand(trained, tmp_path):
    images, labels = trained.data("test")
    assert images.shape == (400, 1, 8, 8)
    assert images.dtype == np.uint8
    assert labels.shape == (400,)
    mmd = trained.method("mmd")
    assert mmd.encode(mmd.sample(3)).shape == (3, 8)
    assert mmd.encode(torch.from_numpy(images[:3]) / 127.5 - 1).shape == (3, 8)
    with pytest.raises(UserError, match=r"write torch.from_numpy\(images\) / 127.5 - 1; not memmap of uint8"):
        mmd.encode(images[:3])
    with pytest.raises(UserError, match=r"write torch.from_numpy\(codes\).float\(\); not ndarray of float64"):
        mmd.decode(np.zeros((3, 8)))
    table = trained.table("generated")
    assert set(table["variant"]) == {"mmd", "autoencoder"}
    assert pd.api.types.is_numeric_dtype(table[next(c for c in table if c.startswith("fd_"))])
    assert trained.report() == tmp_path / "out" / "report" / "index.html"
    figures = tmp_path / "out" / "report" / "figures"  # of which tests make none, to be fast
    figures.mkdir(exist_ok=True)
    (figures / "fd_classifier_64.png").write_bytes(b"picture")
    shown = trained._repr_html_()
    assert "<table" in shown
    assert "data:image/png;base64,cGljdHVyZQ==" in shown
    with pytest.raises(UserError, match=r"unknown table 'generate'. Did you mean generated"):
        trained.table("generate")
    with pytest.raises(UserError, match=r"unknown split 'tset'. Did you mean test"):
        trained.data("tset")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": ["moco"]}, r"unknown argument 'method'. Did you mean methods\?"),
        ({"epochs": 3}, r"there is no argument epochs; write settings={'training.epochs': 3}"),
        ({"lr": 0.1}, r"there is no argument lr; write settings={'training.learning_rate': 0.1}"),
        ({"weight": 10, "methods": ["gan"]}, r"there is no argument weight; write methods=\['gan\[weight=10\]'\]"),
        ({"seed": 3}, r"unknown argument 'seed'. Did you mean seeds\?"),
        ({"methods": 3}, r"methods takes a list of texts, such as methods=\['moco'\], not 3"),
        ({"methods": ["mocco"]}, "unknown method 'mocco'"),
        ({"methods": {"mmd": 1}}, r"methods takes a list of texts, such as methods=\['moco'\], not {'mmd': 1}"),
        ({"plugin": 3}, r"plugin takes a list of texts, such as plugin=\['mine.py'\], not 3"),
        ({"data_root": ["a"]}, r"data_root takes one value, not \['a'\]"),
        ({"quick": "yes"}, "quick takes True or False, not 'yes'"),
        ({"grey": 1}, "grey takes True or False, not 1"),
        ({"seeds": True}, "seeds takes a value, not True"),
        ({"seeds": "many"}, "Invalid value for '--seeds': "),
        ({"executor": "slurm"}, "'slurm' is not one of 'ray', 'serial'"),
        ({"settings": ["training.epochs=3"]}, "settings takes a dict"),
        ({"settings": {"training.epochs": object}}, "settings takes numbers, texts and lists of them, not training.ep"),
        ({"settings": {"training.epochs": np.int64(0)}}, "training.epochs = 0: input should be greater than 0"),
        ({"settings": {"training.epoch": 3}}, "unknown key 'training.epoch'. Did you mean training.epochs"),
    ],
)
def test_mistakes_are_one_clear_error(options, message, tmp_path):
    with pytest.raises(UserError, match=message):
        bench.run(out=tmp_path / "out", **options)


def test_arguments_become_options():
    options = {"methods": ["moco", "gan[weight=1|10]"], "image_size": 32, "grey": False, "force": True, "tune": None}
    assert command_line(options) == ["--methods", "moco,gan[weight=1|10]", "--image-size", "32", "--colour", "--force"]
    assert command_line({"live": False, "eager": False}) == ["--no-live"]
    assert command_line({"plugin": Path("a.py")}) == ["--plugin", "a.py"]
    assert command_line({"plugin": ["a.py", "b.py"], "resource": "a100=1", "quick": False}) == [
        *("--plugin", "a.py", "--plugin", "b.py"),
        *("--resource", "a100=1"),
    ]


def test_the_module_of_that_name_can_be_called_too():
    """Importing the command replaces the function `bench.run` by the module."""
    code = "import bench, bench.run; bench.run(methods=3)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "UserError: methods takes a list" in result.stderr
