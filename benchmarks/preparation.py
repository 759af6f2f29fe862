"""What preparing a data set costs, opening it, and sharing it between the processes that train on it.

    python benchmarks/preparation.py [--images 60000] [--side 40] [--trials 4]

A tree of so many different small JPEG files, `train/<class>/` and `test/<class>/`, is written into a temporary folder
(TMPDIR; the files are then in the page cache, so no disk is measured) and prepared by the real command, images 32x32:

- `first`: the whole command. `until decoding` is all before the folder of the new set appears: starting Python, finding
  the files, hashing them. `decoding` is the rest: spawned workers that decode, write and hash what they wrote.
- `again`: the same command with nothing left to do: starting, finding the files, their dates, checking the arrays.

`cores` is the CPU seconds of all processes over wall seconds, `others` the cores that everything else on the machine
took meanwhile (this script's looking at it included); `peak PSS` their memory together (pages that several share count
once), sampled. Then parts of it by themselves, on one core in this process; opening the set; and what so
many processes (`--trials`), which each open it and read every image of it once, have of their own afterwards, beyond
what they had before: `private` pages, of which `dirty` ones are copies and clean ones would be in one process alone.
"""

import argparse
import functools
import gc
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from common import spread
from PIL import Image

from bench.runtime.allowance import allowance

IMAGE_SIZE = 32
CLASSES = 10
TEST_SHARE = 6  # every sixth image is for testing, about as in MNIST and CIFAR-10
SAMPLE_SECONDS = 0.1  # between looks at the processes
TICKS = os.sysconf("SC_CLK_TCK")
AGAIN, OPENINGS, TRIED, PARTS = 3, 200, 1000, 3


def paint(folder: Path, side: int, number: int) -> None:
    """A smooth random picture of its own as a file."""
    split = "test" if number % TEST_SHARE == 0 else "train"
    coarse = np.random.default_rng(number).integers(0, 256, (5, 5, 3), np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    image.save(folder / split / str(number // TEST_SHARE % CLASSES) / f"{number:06}.jpg", quality=90)


def paint_all(folder: Path, side: int, images: int) -> None:
    for split in ("train", "test"):
        for number in range(CLASSES):
            (folder / split / str(number)).mkdir(parents=True)
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(allowance().cpus) as pool:
        pool.map(functools.partial(paint, folder, side), range(images), chunksize=500)
    size = sum(path.stat().st_size for path in folder.rglob("*.jpg"))
    print(f"{images:,} JPEG files of {side}x{side}, {size / images:.0f} bytes each, written in ", end="")
    print(f"{time.perf_counter() - started:.1f} s\n", flush=True)


def family(root: int) -> list[int]:
    """A process and its descendants. (task/*/children would say, but not every kernel has it.)"""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:  # which grows meanwhile
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def used(pids: list[int]) -> tuple[float, float]:
    """CPU seconds so far, those of ended children included, and PSS in MB, of all of them."""
    seconds = megabytes = 0.0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            seconds += sum(map(int, fields[11:15])) / TICKS
            megabytes += memory(pid).get("Pss", 0) / 1e6  # none, where it is just ending
    return seconds, megabytes


def memory(pid: int | str) -> dict[str, int]:
    """Bytes by kind, such as Pss and Private_Dirty."""
    said = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return {name: int(size) * 1024 for name, size in re.findall(r"^(\w+):\s+(\d+) kB", said, re.MULTILINE)}


def busy() -> float:
    """CPU seconds of the whole machine so far, what other machines on its processors took included."""
    user, nice, system, _, _, *rest = map(
        int, Path("/proc/stat").read_text(encoding="utf-8").split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(rest)) / TICKS


def line(name: str, images: int | None, noted: dict[str, float]) -> None:
    wall, cpu = noted["wall"], noted["cpu"]
    speed = f"{images / wall:10,.0f}" if images else f"{'':10}"
    peak = f"{noted['peak']:12.0f} {noted['processes']:10.0f}" if "peak" in noted else ""
    others = (noted["busy"] - cpu) / wall
    print(f"{name:17} {wall:8.2f} {speed} {cpu:8.2f} {cpu / wall:6.2f} {others:7.2f} {peak}".rstrip(), flush=True)


def watched(arguments: list[str], prepared: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Run the command: what all of it took, and what it took until it began to decode."""
    before, begun, started = os.times(), busy(), time.perf_counter()
    until, peak, processes = {"wall": 0.0, "cpu": 0.0, "busy": 0.0}, 0.0, 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
        while process.returncode is None:
            pids = family(process.pid)
            seconds, megabytes = used(pids)
            peak, processes = max(peak, megabytes), max(processes, len(pids))
            if not any(prepared.glob("folder/.*.part")) and not any(prepared.glob("folder/*/sidecar.json")):
                until = {"wall": time.perf_counter() - started, "cpu": seconds, "busy": busy() - begun}
            with suppress(subprocess.TimeoutExpired):
                process.wait(SAMPLE_SECONDS)
        wall = time.perf_counter() - started
        if process.returncode:
            log.seek(0)
            raise SystemExit(log.read()[-2000:])
    after = os.times()  # of children that have ended, and theirs: exact, and none of this process's sampling
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall": wall, "cpu": cpu, "busy": busy() - begun, "peak": peak, "processes": processes}, until


def prepare(tree: Path, prepared: Path, images: int) -> None:
    command = [sys.executable, "-m", "bench.prepare", "folder", "--data-root", str(tree)]
    command += ["--image-size", str(IMAGE_SIZE), "--prepared", str(prepared)]
    print(f"{'':17} {'wall s':>8} {'images/s':>10} {'CPU s':>8} {'cores':>6} {'others':>7}", end="")
    print(f" {'peak PSS MB':>12} {'processes':>10}")
    cores = allowance().cpus
    first, until = watched(command, prepared)
    line("first", images, first)
    line("  until decoding", images, until)
    line("  decoding", images, {name: first[name] - until[name] for name in until})
    again = sorted((watched(command, prepared)[0] for _ in range(AGAIN)), key=lambda noted: noted["wall"])
    middle = again[len(again) // 2]
    line("again", None, middle)
    print(
        f"again: {spread([noted['wall'] for noted in again], 2)} s; `until decoding`, mostly for hashing, takes ",
        end="",
    )
    print(f"{until['cpu'] - middle['cpu']:.1f} CPU s more. Target: {cores} cores while decoding, if free.")
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import bench.prepare, bench.data.image_files"], check=True)
    print(
        f"starting a worker takes {time.perf_counter() - started:.2f} s, of which there are {cores}\n",
        flush=True,
    )


def parts(tree: Path, images: int) -> None:
    """Microseconds an image of what the command does to each file, alternating."""
    from bench.data import datasets
    from bench.data.decode import Files
    from bench.experiment.settings import Preprocessing
    from bench.io.files import file_sha256

    preprocessing = Preprocessing(image_size=IMAGE_SIZE)
    source = datasets.find("folder", tree)
    assert source is not None
    files = source.files[:: max(1, len(source.files) // TRIED)]
    opened = Files(files, tree)

    calls: dict[str, tuple[int, Callable[[], Any]]] = {
        "finding": (len(source.files), lambda: datasets.find("folder", tree)),
        "names and dates": (len(source.files), source.signature),
        "hashing": (len(files), lambda: [file_sha256(path) for path in files]),
        "hashing, as done": (len(files), replace(source, files=files).content_hashes),
        "decoding": (len(files), lambda: [opened.decode(row, preprocessing) for row in range(len(files))]),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(PARTS):
        for name, (count, call) in calls.items():
            started = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - started) / count * 1e6)
    print(f"{'alone':17} {'us an image':>24} {'s of all images':>16}")
    for name, found in times.items():
        print(f"{name:17} {spread(found, 1):>24} {statistics.median(found) * images / 1e6:16.1f}", flush=True)
    print(flush=True)


def open_set(folder: Path, split: str = "train") -> Any:
    import torch

    from bench.data.prepared import Prepared

    return torch.from_numpy(Prepared(folder).images(split))


def opening(folder: Path) -> None:
    images, times = open_set(folder), []  # the first time imports torch
    for _ in range(OPENINGS):
        started = time.perf_counter()
        images = open_set(folder)
        times.append((time.perf_counter() - started) * 1e3)
    print(f"opening {len(images):,} images: {spread(times, 3)} ms\n", flush=True)


def reader(folder: Path, number: int, together: Barrier, found: "Queue[tuple[int, dict[str, int]]]") -> None:
    """Open the set and read all of it; say how many bytes of each kind this process then has more of."""
    import torch

    torch.set_num_threads(1)
    read(open_set(folder, "test"))  # imports, and what torch needs for its first call, are no cost of this set
    gc.collect()
    together.wait()  # shares of pages depend on how many processes have them, so all look at the same time
    before = memory("self")
    together.wait()
    images = open_set(folder)
    read(images)
    together.wait()
    after = memory("self")
    together.wait()
    found.put((number, {name: after[name] - before[name] for name in before}))


def read(images: Any) -> int:
    return max(int(batch.max()) for batch in images.split(1000))  # a sum would make int64 copies


def sharing(folder: Path, trials: int) -> None:
    context = multiprocessing.get_context("spawn")
    together, found = context.Barrier(trials), context.Queue()
    processes = [context.Process(target=reader, args=(folder, i, together, found)) for i in range(trials)]
    for process in processes:
        process.start()
    rows = dict(found.get(timeout=300) for _ in processes)
    for process in processes:
        process.join()
    images = open_set(folder)
    print(f"{trials} processes that have read the whole map of {images.nbytes / 1e6:.1f} MB")
    print(f"{'process':>7} {'RSS MB':>9} {'PSS MB':>9} {'private MB':>11} {'dirty MB':>9} {'private/map':>12}")
    for number, more in sorted(rows.items()):
        private = more["Private_Dirty"] + more["Private_Clean"]
        print(f"{number:7} {more['Rss'] / 1e6:9.2f} {more['Pss'] / 1e6:9.2f} {private / 1e6:11.2f}", end="")
        print(f" {more['Private_Dirty'] / 1e6:9.2f} {private / images.nbytes:12.2%}", flush=True)


def at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{least} or more, not {text}")
        return int(text)

    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=at_least(200), default=60000)
    parser.add_argument("--side", type=at_least(IMAGE_SIZE), default=40, help="of the files, in pixels")
    parser.add_argument("--trials", type=at_least(2), default=4, help="processes; what one alone has mapped is private")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tree, prepared = Path(name) / "tree", Path(name) / "prepared"
        paint_all(tree, asked.side, asked.images)
        prepare(tree, prepared, asked.images)
        parts(tree, asked.images)
        folder = next(prepared.glob("folder/*/sidecar.json")).parent
        opening(folder)
        sharing(folder, asked.trials)


if __name__ == "__main__":
    main()
