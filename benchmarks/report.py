"""How long a report takes: the tables alone, and everything.

    python benchmarks/report.py results/NAME

The first includes importing pandas and reading all trial folders. Nothing is written into the experiment.
"""

import argparse
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path, nargs="+")
    paths = parser.parse_args().experiment
    started = time.perf_counter()
    from bench.reporting import build, comparison_tables, merge, metric_tables

    found = merge.load(paths)
    for group in found:
        assert metric_tables.tables(group)
        comparison_tables.cost(group)
        comparison_tables.stability(group)
        comparison_tables.differences(group)
    tables = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        build.write(found, Path(folder) / "report")
    everything = time.perf_counter() - started
    count = sum(len(group.trials) for group in found)
    print(f"{count} trials: tables {tables:.1f} s, everything {everything:.1f} s")


if __name__ == "__main__":
    main()
