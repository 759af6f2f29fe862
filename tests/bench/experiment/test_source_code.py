"""The hash of a method's code covers what its class reaches, and nothing that cannot change a stored trial."""

from pathlib import Path

import pytest
from project import ROOT

from bench.experiment.source_code import changed_modules, code_sha256, module_hashes
from bench.experiment.specification import MethodSource

FILES = {
    "__init__.py": "from .penalty import Mine\n",
    "penalty.py": '''"""A penalty."""
from typing import Annotated
import torch
from methods import Method
from methods.functional import mmd
from .helpers import power
LIMIT = 3
class Mine(Method):
    """Mine."""
    paper = "Nobody, 2026"
    search_space = {"weight": 1}
    def __init__(self, networks, prior, *, weight: float = 2.0):
        super().__init__(networks, prior)
        self.weight = weight
    def losses(self, x):
        return power(x) + LIMIT
def unused(x):
    return x
''',
    "helpers.py": "SCALE = 2\ndef power(x):\n    return scaled(x) ** 2\ndef scaled(x):\n    return SCALE * x\n",
}


def package(root: Path, **changes: tuple[str, str]) -> str:
    """Write FILES, each with one replacement, and return the hash of Mine."""
    folder = root / "theirs"
    folder.mkdir(exist_ok=True, parents=True)
    for name, text in FILES.items():
        old, new = changes.get(name.removesuffix(".py"), ("", ""))
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1) if old else text)
    return code_sha256(folder / "penalty.py", "Mine")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("penalty", '"""Mine."""', '"""Mine, corrected."""'),
        ("penalty", "LIMIT = 3", "LIMIT = 3  # of nothing"),
        ("penalty", "Nobody, 2026", "Somebody, 2025, equation 3"),
        ("penalty", '{"weight": 1}', '{"weight": 2}'),
        ("penalty", "weight: float = 2.0", "weight: Annotated[float, 1] = 3.0"),
        ("penalty", "return x\n", "return 2 * x\n"),
        ("helpers", "def power(x):\n", "def power(x):\n\n    # squared\n"),
    ],
)
def test_what_cannot_change_a_trial_leaves_the_hash(file, old, new, tmp_path):
    assert package(tmp_path, **{file: (old, new)}) == package(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("penalty", "LIMIT = 3", "LIMIT = 4"),
        ("penalty", "self.weight = weight", "self.weight = 2 * weight"),
        ("penalty", "class Mine", "print()\nclass Mine"),
        ("helpers", "SCALE = 2", "SCALE = 3"),
        ("helpers", "** 2", "** 3"),
    ],
)
def test_a_change_of_what_the_class_reaches_changes_the_hash(file, old, new, tmp_path):
    assert package(tmp_path, **{file: (old, new)}) != package(tmp_path)


def test_the_hash_depends_neither_on_the_folder_nor_on_the_order_of_definitions(tmp_path):
    moved = package(tmp_path / "elsewhere")
    assert package(tmp_path, penalty=("LIMIT = 3\nclass Mine", "class Mine")) != moved
    text = FILES["penalty.py"].replace("LIMIT = 3\n", "") + "LIMIT = 3\n"
    (tmp_path / "theirs" / "penalty.py").write_text(text)
    assert code_sha256(tmp_path / "theirs" / "penalty.py", "Mine") == moved


def test_a_method_reaches_the_penalty_that_it_uses_and_no_other(monkeypatch, tmp_path):
    """Copies methods/ and changes single functions of it there."""
    copy = tmp_path / "project"
    for file in (ROOT / "methods").rglob("*.py"):
        target = copy / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    for module in ("source_code", "source_files"):
        monkeypatch.setattr(f"bench.experiment.{module}.ROOT", copy)
    names = {"mmd": "MMD", "sliced": "Sliced", "gan": "GAN"}

    def hashes() -> dict[str, str]:
        return {name: code_sha256(copy / "methods" / f"{name}.py", kind) for name, kind in names.items()}

    def changed(path: str, old: str, new: str) -> set[str]:
        file, before = copy / "methods" / path, hashes()
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        after = hashes()
        file.write_text(text)
        return {name for name in names if after[name] != before[name]}

    assert changed("functional.py", "MMD_SCALES = (0.1,", "MMD_SCALES = (0.3,") == {"mmd"}
    assert changed("functional.py", "Return the squared sliced", "Give the squared sliced") == set()
    assert changed("functional.py", "x @ directions", "2 * x @ directions") == {"sliced"}
    assert changed("priors.py", "normalize(codes, dim=1)", "normalize(codes, dim=1, eps=1)") == set(names)
    assert changed("networks/architectures.py", "nn.Tanh()", "nn.Sigmoid()") == set(names)


def test_what_has_changed_is_named_by_module(tmp_path):
    file = tmp_path / "theirs" / "penalty.py"
    sha256 = package(tmp_path)
    stored = MethodSource(file=str(file), name="Mine", sha256=sha256, modules=module_hashes(file, "Mine"))
    assert {"theirs/helpers.py", "theirs/penalty.py", "methods/base.py", "methods/priors.py"} <= set(stored.modules)
    assert changed_modules(stored, file) == []
    package(tmp_path, helpers=("SCALE = 2", "SCALE = 3"))
    assert changed_modules(stored, file) == ["theirs/helpers.py"]
    package(tmp_path, penalty=("from .helpers import power", "power = abs"))
    assert changed_modules(stored, file) == ["theirs/helpers.py", "theirs/penalty.py"]
    assert changed_modules(stored.model_copy(update={"modules": {}}), file) == []  # a trial of an older version


BLOCKS = """from methods.mmd import MMD
class Block:
    learning_rate = 1
    def __init__(self, *, gain=1.0):
        self.gain = gain
class Base(MMD):
    paper = "Nobody"
    def __init__(self, networks, prior, *, weight: float = 1.0):
        super().__init__(networks, prior, weight=weight)
class Mine(Base):
    paper = "Somebody"
    def __init__(self, networks, prior, *, rate: float = 1.5):
        super().__init__(networks, prior)
        self.block = Block()
class Inherited(Base):
    block = Block
class Optimiser:
    def __init__(self, params, lr, *, decay=0.1):
        self.decay = decay
"""


@pytest.mark.parametrize(
    ("name", "old", "new", "stale"),
    [
        ("Mine", "rate: float = 1.5", "rate: float = 3.0", False),  # the harness gives it what spec.json records
        ("Mine", "weight: float = 1.0", "weight: float = 3.0", True),  # which nobody gives
        ("Inherited", "weight: float = 1.0", "weight: float = 3.0", False),
        ("Mine", "Nobody", "Anybody", False),
        ("Mine", "gain=1.0", "gain=3.0", True),
        ("Mine", "learning_rate = 1", "learning_rate = 3", True),
        ("Optimiser", "decay=0.1", "decay=0.3", True),
    ],
)
def test_defaults_and_declarations_are_left_out_of_the_method_only(name, old, new, stale, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(BLOCKS)
    before = code_sha256(file, name, shared=name != "Optimiser")
    assert old in BLOCKS
    file.write_text(BLOCKS.replace(old, new))
    assert (code_sha256(file, name, shared=name != "Optimiser") != before) == stale
