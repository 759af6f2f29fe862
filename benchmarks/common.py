"""What benchmarks share; each is run by itself, as python benchmarks/NAME.py."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], digits: int) -> str:
    """'1.52 (1.31 to 1.60)': the median, and the least and most."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})"
