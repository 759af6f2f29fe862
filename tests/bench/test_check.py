"""Each check rejects methods that are broken in exactly one way; the command prints every verdict."""

import pytest
import torch
from broken_methods import CASES, Spoilt
from typer.testing import CliRunner

from bench.check import app
from bench.contract import CHECKS, Outcome, Severity, Subject, judge
from methods import METHODS
from methods.functional import frozen
from methods.mmd import MMD


@pytest.mark.parametrize(("check", "prior", "reason", "method"), CASES)
def test_a_check_rejects_a_broken_method(check, prior, reason, method):
    verdict = judge(check, Subject(method, prior))
    assert verdict.outcome is Outcome.broken
    assert reason in verdict.reason
    assert "\n" not in verdict.reason


def test_every_check_rejects_something():
    assert {case.values[0] for case in CASES} == set(CHECKS)


def test_an_exception_of_the_method_is_its_fault_and_says_where():
    class Fails(MMD):
        def losses(self, _x):
            raise RuntimeError("no luck")

    assert judge("finite", Subject(Fails, "normal")).reason.startswith("RuntimeError at test_check.py:")


def test_operations_that_do_not_wait_pass():
    class Fills(Spoilt):
        def spoil(self, x, losses):
            z = frozen(self.encoder, x)
            z[z > 0] = 0.0  # one number: torch fills in place
            order = z.argsort(0).to(z.device)
            return losses | {"filled": z.gather(0, order).mean() + z[order[0], 0].mean()}

    assert judge("waiting", Subject(Fills, "normal")).outcome is Outcome.ok


def test_a_check_leaves_random_states_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    judge("seeds", Subject(MMD, "normal"))
    assert torch.equal(torch.rand(2), expected)


def test_an_ambiguous_axis_is_no_reason_to_reject():
    class Square(Spoilt):
        def spoil(self, x, losses):
            z = self.encode(x)
            return self.penalised(losses, (z @ torch.randn(z.shape[1], z.shape[1])).square().mean())

    verdict = judge("rotation", Subject(Square, "sphere"))
    assert (verdict.outcome, "several axes" in verdict.reason) == (Outcome.skipped, True)


def check(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_the_command_says_that_a_method_keeps_the_contract():
    result = check("gan", "--prior", "sphere")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "gan, prior sphere"
    assert [line.split()[0] for line in lines[1:16]] == ["ok"] * 12 + ["skipped"] * 3
    assert "gan, prior sphere: keeps the contract" in result.stdout


def test_the_command_names_what_a_plug_in_breaks(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from methods.mmd import MMD\n\n\nclass Mine(MMD):\n    '''Codes off the sphere.'''\n\n"
        "    priors = ('sphere',)\n\n    def encode(self, x):\n        return self.encoder(x)\n\n\n"
        "METHODS = {'mine': Mine}\n"
    )
    result = check(str(path))
    assert result.exit_code == 1
    assert "  wrong       shapes     encode(x) is not on the support of the prior sphere" in result.stdout
    assert "mine, prior sphere: breaks the contract: shapes" in result.stdout


def test_a_method_of_a_plugin_is_checked_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.contract.command._check", lambda name, prior: print(name, prior) or True)
    path = tmp_path / "mine.py"
    path.write_text("from methods.mmd import MMD\nclass Mine(MMD):\n    pass\nMETHODS = {'mine': Mine}\n")
    result = CliRunner().invoke(app, ["mine", "--plugin", str(path), "--prior", "normal"])
    METHODS.pop("mine", None)
    assert result.output.splitlines()[-1] == "mine normal"


def test_what_only_costs_speed_or_is_unfinished_breaks_nothing(tmp_path):
    """A first attempt: no docstring, no paper, a weight in units of its own, and a loss that waits for the device."""
    path = tmp_path / "first.py"
    path.write_text(
        "from typing import Annotated\n\n"
        "from methods.hyperparameters import Positive\nfrom methods.mmd import MMD\n\n\n"
        "class First(MMD):\n    def __init__(self, networks, prior, *, weight: Annotated[float, Positive] = 1.0):\n"
        "        super().__init__(networks, prior)\n        self.weight = weight\n\n"
        "    def losses(self, x):\n"
        "        losses = super().losses(x)\n        float(losses['loss'])\n        return losses\n\n\n"
        "METHODS = {'first': First}\n"
    )
    result = CliRunner().invoke(app, [str(path), "--prior", "normal"])
    METHODS.pop("first", None)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert any(line.split()[:2] == ["unfinished", "schema"] and '"""One sentence."""' in line for line in lines)
    assert any(line.split()[:2] == ["unfinished", "units"] and "networks.weight_unit" in line for line in lines)
    assert any(line.split()[:2] == ["slower", "waiting"] for line in lines)
    assert "keeps the contract; trains rightly, but slower: " in result.output


@pytest.mark.parametrize(
    ("check", "severity"), [("schema", Severity.wrong), ("traces", Severity.slower), ("waiting", Severity.slower)]
)
def test_an_error_inside_a_check_is_as_severe_as_the_check(monkeypatch, check, severity):
    def fails(_):
        raise RuntimeError("no luck")

    monkeypatch.setitem(CHECKS, check, fails)
    assert judge(check, Subject(MMD, "normal")).severity is severity
