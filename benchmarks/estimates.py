"""How far `--dry-run` is from the truth: python benchmarks/estimates.py [--data-root DIR with MNIST]

Each case is estimated, then run from nothing (no prepared data, no extractor), and the two are compared: seconds from
the command's start to its end, and bytes on disk. Prints one line a case; the target is a factor of two.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.io import disk

CASES = {
    "digits": ["--methods", "moco,mmd,gan,vae", "--seeds", "2"],
    "digits, serial": ["--methods", "moco,mmd", "--seeds", "2", "--executor", "serial"],
    "mnist": ["--dataset", "mnist", "--methods", "moco,mmd,gan", "--seeds", "1", "--set", "training.epochs=1"],
}
UNITS = {"s": 1, "min": 60, "hours": 3600, "days": 86400, "kB": 1e3, "MB": 1e6, "GB": 1e9}
NUMBER = r"([\d.]+) (s|min|hours|days|kB|MB|GB)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=Path("data"), help="where MNIST is")
    root = parser.parse_args().data_root.resolve()
    for name, arguments in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            print(compare(name, arguments, root, Path(folder)), flush=True)


def compare(name: str, arguments: list[str], root: Path, folder: Path) -> str:
    command = [sys.executable, "-m", "bench.run", *arguments, "--data-root", str(root)]
    command += ["--prepared", str(folder / "prepared"), "--out", str(folder / "out")]
    said = subprocess.run([*command, "--dry-run"], capture_output=True, encoding="utf-8", check=True).stdout
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    seconds = time.perf_counter() - started
    size = disk.size(folder / "out") + disk.size(folder / "prepared")
    shutil.rmtree(folder / "out")
    guessed = _value(re.search(rf"^about {NUMBER}:", said, re.MULTILINE))
    guessed_size = sum(_value(found) for found in re.finditer(rf"{NUMBER} of (?:results|prepared)", said))
    return (
        f"{name}: {guessed:.0f} s estimated, {seconds:.0f} s taken (ratio {guessed / seconds:.2f}); "
        f"{disk.format_bytes(int(guessed_size))} estimated, {disk.format_bytes(size)} taken "
        f"(ratio {guessed_size / size:.2f})"
    )


def _value(found: re.Match[str] | None) -> float:
    assert found, "the dry run said nothing of this"
    return float(found.group(1)) * UNITS[found.group(2)]


if __name__ == "__main__":
    main()
