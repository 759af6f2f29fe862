"""The checks of a method's contract, from their docstrings."""

from bench.contract import CHECKS, SPEED
from docs_build.tables import table

MAY_BE_MISSING = ("schema", "search", "floor")  # a defect of these may be that a part is not there yet


def all_checks() -> str:
    """Return a table of the checks that `bench.check` runs on a method."""
    rows = [[f"`{name}`", check.__doc__, _cost(name)] for name, check in CHECKS.items()]
    return table(["check", "what must hold", "otherwise it is"], rows)


def _cost(name: str) -> str:
    if name in SPEED:
        return "`slower`"
    return "`wrong`, or `unfinished` if it is missing" if name in MAY_BE_MISSING else "`wrong`"
