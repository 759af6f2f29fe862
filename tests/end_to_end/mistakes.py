"""Every mistake that users make, as they type it, and the line that they see.

`test_mistakes.py` makes each of them and compares the line; `make docs` writes docs/reference/errors.md, the table for readers.
 Paths are shown relative to the working folder, numbers of bytes as N.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from images import picture

SETTINGS = "such as moco[temperature=0.1|0.2,queue_size=4096]"
EXAMPLE = "write it like moco[temperature=0.1|0.2,queue_size=4096]"
HELP = "--help lists the options"
PLUGIN = " If a plug-in adds it, give its file: --plugin FILE"


@dataclass
class Place:
    """Where a mistake is made: an empty working folder, what must be undone, and words to replace in the command."""

    path: Path
    monkeypatch: "object"
    stack: ExitStack
    run: Callable[..., object]  # runs a command line, as the test does
    replace: dict[str, str] = field(default_factory=dict)


def nothing(place: Place) -> None:
    del place


@dataclass(frozen=True)
class Mistake:
    """What is wrong, what is typed after `python -m bench.`, and the line on standard error."""

    what: str
    typed: str
    line: str
    status: int = 2  # 0: a warning, and the command goes on
    given: Callable[[Place], None] = nothing
    trains: bool = False  # gets far enough to need the settings of a tiny experiment
    slow: bool = False


def write(**files: str | bytes) -> Callable[[Place], None]:
    """Files in the working folder; __ in a name is a dot."""

    def given(place: Place) -> None:
        for name, content in files.items():
            path = place.path / name.replace("__", ".")
            path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)

    return given


def photos(place: Place, count: int = 1000) -> Path:
    """A tree of small photographs without split folders, 16x16; about a tenth each for test and validation."""
    for i in range(count):
        picture(place.path / "photos" / f"{i}.png", (16, 16))
    return place.path / "photos"


def with_photo(content: bytes | tuple[tuple[int, int], str]) -> Callable[[Place], None]:
    """Photographs, and one more file: these bytes, or a picture of this size and mode."""

    def given(place: Place) -> None:
        odd = photos(place, 20) / "odd.png"
        odd.write_bytes(content) if isinstance(content, bytes) else picture(odd, *content)

    return given


def badly_named(place: Place) -> None:
    (photos(place, 20) / os.fsdecode(b"\xff\xfe.png")).write_bytes(b"")


def linked(place: Place) -> None:
    (photos(place, 20) / "link.png").symlink_to("nowhere.png")


def linked_out(place: Place) -> None:
    picture(place.path / "private.png", (16, 16))
    (photos(place, 20) / "link.png").symlink_to(place.path / "private.png")


def linked_class(place: Place) -> None:
    picture(place.path / "store" / "a.png", (16, 16))
    (photos(place, 20) / "dog").symlink_to(place.path / "store")


def other_kinds(place: Place) -> None:
    for i in range(2):
        (photos(place, 60) / f"{i}.ppm").write_bytes(b"")


def wrapped(place: Place) -> None:
    for name in ("training/a", "testing/b"):
        picture(place.path / "photos" / "archive" / f"{name}.png", (16, 16))


def doubled_splits(place: Place) -> None:
    for name in ("train", "training", "test"):
        picture(place.path / "photos" / name / "a.png", (16, 16))


def failing(place: Place) -> None:
    """A plug-in whose method fails in its first step; it is out of the registry again afterwards."""
    from methods import METHODS

    place.stack.callback(METHODS.pop, "failing", None)
    write(
        mine__py="from methods.mmd import MMD\n\n\nclass Failing(MMD):\n    def losses(self, x):\n"
        "        raise RuntimeError('no luck')\n\n\nMETHODS = {'failing': Failing}\n"
    )(place)


def lacking_class(place: Place) -> None:
    for name in ("train/cat/a", "train/dog/b", "test/cat/c"):
        picture(place.path / "photos" / f"{name}.png", (16, 16))


def without_checksums(place: Place) -> None:
    finished()(place)
    shutil.rmtree(place.path / "results" / "digits" / ".sha256")


def few(count: int) -> Callable[[Place], None]:
    def given(place: Place) -> None:
        photos(place, count)

    return given


def without_test(place: Place) -> None:
    picture(place.path / "photos" / "train" / "a.png", (16, 16))


def celeba(missing: bool) -> Callable[[Place], None]:
    def given(place: Place) -> None:
        folder = place.path / "data" / "celeba"
        picture(folder / "img_align_celeba" / "000001.jpg", (178, 218))
        (folder / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 1\n" if missing else "000001.jpg\n")

    return given


def no_mirror(place: Place) -> None:
    place.monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", ["http://127.0.0.1:1/"])


def cut_files(place: Place) -> None:
    """torchvision's MNIST files, of which none is whole."""
    raw = place.path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("t10k", "train"):
        for kind in ("images-idx3", "labels-idx1"):
            (raw / f"{part}-{kind}-ubyte").write_bytes(b"\x00\x00\x08\x03\x00")


def small_disk(kilobytes: int) -> Callable[[Place], None]:
    """A file system of its own, `disk`, with little room."""

    def given(place: Place) -> None:
        disk = place.path / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], capture_output=True, check=False
        )
        if mounted.returncode:
            import pytest

            pytest.skip("only root may mount a small file system here")
        place.stack.callback(subprocess.run, ["umount", str(disk)], check=True)

    return given


def finished(typed: str = "run --methods mmd --seeds 1") -> Callable[[Place], None]:
    """An experiment that is done."""

    def given(place: Place) -> None:
        place.run(typed, trains=True)

    return given


def damaged(pattern: str, state: str | None = None) -> Callable[[Place], None]:
    """An experiment that is done (or `state`), of which a file has changed since."""

    def given(place: Place) -> None:

        from specimens import change_document

        from bench.store.folders import ExperimentFolder

        finished()(place)
        path = next(place.path.glob(pattern))
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        if state:
            trial = ExperimentFolder(place.path / "results" / "digits").trials()[0]
            change_document(trial, "status.json", state=state)

    return given


def full_while_reporting(place: Place) -> None:
    """A finished experiment, and a disk that has room for nothing more."""
    small_disk(20000)(place)
    finished("run --methods mmd --seeds 1 --out disk/out")(place)
    with (place.path / "disk" / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))


def without(library: str) -> Callable[[Place], None]:
    """A machine on which a library is not installed."""

    def given(place: Place) -> None:
        place.monkeypatch.setitem(sys.modules, library, None)

    return given


def locked(place: Place) -> None:
    from filelock import FileLock

    (place.path / "results" / "digits").mkdir(parents=True, exist_ok=True)
    place.stack.enter_context(FileLock(place.path / "results" / "digits" / ".lock"))


def unfinished(place: Place) -> None:
    """An experiment of which no trial is done."""

    from specimens import change_document

    from bench.store.folders import ExperimentFolder

    finished()(place)
    trial = ExperimentFolder(place.path / "results" / "digits").trials()[0]
    change_document(trial, "status.json", state="running")


def cleaned(place: Place) -> None:
    """A finished experiment without its checkpoints."""
    finished()(place)
    for path in place.path.glob("results/digits/trials/*/checkpoint*.pt"):
        path.unlink()
    first_trial(place)


def results_linked_out(place: Place) -> None:
    finished()(place)
    samples = next(place.path.glob("results/digits/trials/*/samples"))
    shutil.move(samples, place.path / "samples")
    samples.symlink_to(place.path / "samples")


def first_trial(place: Place) -> None:
    """A finished experiment; TRIAL is its trial."""
    if not (place.path / "results").exists():
        finished()(place)
    place.replace["TRIAL"] = str(next(place.path.glob("results/digits/trials/*")).relative_to(place.path))


def moved_images(place: Place) -> None:
    first_trial(place)
    shutil.rmtree(place.path / "data" / "prepared")


def odd_weights(kind: str) -> Callable[[Place], None]:
    """weights.pth: not all of a file, or weights of another network."""

    def given(place: Place) -> None:
        import torch

        torch.save({"weight": torch.zeros(1000)}, place.path / "weights.pth")
        if kind == "truncated":
            content = (place.path / "weights.pth").read_bytes()
            (place.path / "weights.pth").write_bytes(content[: len(content) // 2])

    return given


def cluster(place: Place) -> None:
    """A Ray cluster of one node with one CPU."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 * 2**20})
    place.stack.callback(made.shutdown)
    place.stack.callback(ray.shutdown)
    place.replace["HOST:PORT"] = made.address


def web_server(place: Place) -> None:
    """A server that is no Ray cluster's."""
    from http.server import HTTPServer, SimpleHTTPRequestHandler

    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.stack.callback(server.shutdown)
    place.replace["HOST:PORT"] = f"127.0.0.1:{server.server_port}"


PHOTOS = "--dataset folder --data-root photos --image-size 16"
UNSPLIT = "then split by file name"

NAMES = [
    Mistake("a misspelt method", "run --methods mocco", "unknown method 'mocco'. Did you mean moco?" + PLUGIN),
    Mistake("a misspelt hyperparameter", "run --methods moco[temprature=1]",
            "unknown hyperparameter of moco 'temprature'. Did you mean temperature?"),
    Mistake("a misspelt prior", "run --methods mmd[prior=spere]", "unknown prior 'spere'. Did you mean sphere?" + PLUGIN),
    Mistake("a prior that the method does not support", "run --methods moco[prior=normal]",
            "moco does not support prior=normal; it supports sphere"),
    Mistake("a misspelt extractor", "run --extractor inceptoin", "unknown extractor 'inceptoin'. Did you mean inception?" + PLUGIN),
    Mistake("a misspelt sampler", "evaluate results/digits --sampler gm", "unknown sampler 'gm'. Did you mean gmm?" + PLUGIN),
    Mistake("... to sample from", "sample results/digits --sampler priors",
            "unknown sampler 'priors'. Did you mean prior?" + PLUGIN),
    Mistake("a setting as if it were an option", "run --epochs 5",
            "No such option: --epochs; write --set training.epochs=5"),
    Mistake("... with another section", "run --latent-dim=16",
            "No such option: --latent-dim; write --set network.latent_dim=16"),
    Mistake("... that is misspelt", "run --optimizer adam",
            "No such option: --optimizer; write --set training.optimiser=adam"),
    Mistake("... that is abbreviated", "run --lr 0.01", "No such option: --lr; write --set training.learning_rate=0.01"),
    Mistake("a hyperparameter as if it were an option", "run --weight 10 --methods mmd,gan",
            "No such option: --weight; write --methods 'mmd[weight=10]'"),
    Mistake("... of a method that is not named", "run --temperature 0.2",
            "No such option: --temperature; write --methods 'moco[temperature=0.2]'"),
    Mistake("an option that is cut short", "run --seed 3",
            "No such option: --seed; did you mean --seeds? Train each method with seeds 0 to N-1"),
    Mistake("a misspelt method to explain", "info waemd", "unknown method 'waemd'. Did you mean WAE-MMD?" + PLUGIN),
    Mistake("a misspelt metric", "run --set evaluation.metrics=[sharpnes]",
            "unknown metric 'sharpnes'. Did you mean sharpness?" + PLUGIN),
    Mistake("... afterwards", "evaluate results/digits --metrics prob",
            "unknown metric 'prob'. Did you mean probe?" + PLUGIN, given=first_trial),
    Mistake("a misspelt data set", "run --dataset cifar", "unknown data set 'cifar'. Did you mean cifar10?" + PLUGIN),
    Mistake("... to prepare", "prepare cifra10", "unknown data set 'cifra10'. Did you mean cifar10?" + PLUGIN),
    Mistake("a misspelt section", "run --set trainin.epochs=3", "unknown key 'trainin'. Did you mean training?"),
    Mistake("a misspelt key", "run --set training.batchsize=3",
            "unknown key 'training.batchsize'. Did you mean training.batch_size?"),
    Mistake("... in a file", "run --config study.yaml", "unknown key 'datset'. Did you mean dataset?",
            given=write(study__yaml="datset: digits\n")),
    Mistake("a misspelt network", "run --set network.name=resnet46", "unknown network 'resnet46'. Did you mean resnet64?" + PLUGIN),
    Mistake("a misspelt choice", "run --set training.schedule=cosin",
            "training.schedule = 'cosin': input should be 'constant' or 'cosine'"),
    Mistake("a misspelt extractor", "run --set evaluation.extractor=rotaton",
            "unknown extractor 'rotaton'. Did you mean rotation?" + PLUGIN),
    Mistake("a misspelt file", "run --config digit.yaml",
            "cannot read digit.yaml: No such file or directory. Did you mean digits.yaml?",
            given=write(digits__yaml="dataset: digits\n")),
    Mistake("a misspelt experiment", "report results/digit", "there is no folder results/digit"),
    Mistake("a folder that is not an experiment", "report .", "the folder . is not an experiment: it has no experiment.yaml"),
    Mistake("a misspelt logger", "run --log tensorbord", "unknown logger 'tensorbord'. Did you mean tensorboard?"),
    Mistake("a misspelt kind of waste", "clean prevous", "unknown kind 'prevous'. Did you mean previous?"),
    Mistake("no experiments to clean", "clean", "there is no folder results; name one with --results"),
    Mistake("a misspelt method, to check", "check mocco", "unknown method 'mocco'. Did you mean moco?" + PLUGIN),
    Mistake("a misspelt prior, to check under", "check mmd --prior spere", "unknown prior 'spere'. Did you mean sphere?" + PLUGIN),
    Mistake("a prior that the method to check does not support", "check moco --prior normal",
            "moco does not support prior=normal; it supports sphere"),
    Mistake("a missing plug-in to check", "check mine.py",
            "cannot read the plug-in mine.py: No such file or directory"),
    Mistake("a missing plug-in", "run --plugin mine.py",
            "cannot read the plug-in mine.py: No such file or directory"),
    Mistake("a misspelt plug-in", "run --plugin mien.py",
            "cannot read the plug-in mien.py: No such file or directory. Did you mean mine.py?",
            given=write(mine__py="x = 1\n")),
    Mistake("a plug-in that fails", "run --plugin mine.py",
            "the plug-in mine.py fails at mine.py:1: NameError: name 'torch' is not defined", given=write(mine__py="torch.rand(1)\n")),
    Mistake("a plug-in that adds nothing", "info --plugin mine.py",
            "the plug-in mine.py adds nothing; write METHODS = {\"name\": Class}, or another of METRICS, CODE_METRICS, NETWORKS, DATASETS, EXTRACTORS, PRIORS, OPTIMISERS, SAMPLERS", given=write(mine__py="x = 1\n")),
]  # fmt: skip

VALUES = [
    Mistake("out of range", "run --methods moco[temperature=-1]", "moco: temperature must be > 0, not -1.0"),
    Mistake("out of range", "run --methods moco[momentum=1]", "moco: momentum must be in [0, 1), not 1.0"),
    Mistake("not finite", "run --methods moco[temperature=.inf]", "moco: temperature must be finite, not inf"),
    Mistake("of the wrong type", "run --methods moco[temperature=hot]",
            "moco: temperature must be of type float, not 'hot'"),
    Mistake("of the wrong type", "run --methods moco[queue_size=1.5]", "moco: queue_size must be of type int, not 1.5"),
    Mistake("out of range", "run --methods moco[point=-1]", "moco: point must be in [0, 10000], not -1"),
    Mistake("a point of a search that has not been made", "run --methods moco[point=1] --tune 4",
            "point= names one point of a search; leave it out, or leave out --tune"),
    Mistake("two budgets", "run --set training.steps=100 --set training.seconds=60",
            "training.steps and training.seconds are both budgets of the training; give one of them"),
    Mistake("a range from high to low", "run --methods mmd[weight=10..1] --tune 4",
            "mmd: the range weight=10..1 must go from a lower to a higher number; write weight=1..10"),
    Mistake("a range of words", "run --methods mmd[weight=a..b] --tune 4",
            "mmd: weight=a..b is no range of numbers ('a'); write it like 0.1..1000"),
    Mistake("a range of a choice", "run --methods cramer_wold[scale=log..plain] --tune 4",
            "cramer_wold: scale is no number, so log..plain is no range of it; write scale=log|plain"),
    Mistake("a range with an end that is not allowed", "run --methods mmd[weight=0..1] --tune 4",
            "mmd: weight must be > 0, not 0.0"),
    Mistake("a range without a search", "run --methods mmd[weight=0.1..1000]",
            "'mmd[weight=0.1..1000]' has a range, which is for a search; add --tune N, or name values"),
    Mistake("low precision where it breaks a loss",
            "run --set training.reconstruction=cross_entropy --set training.precision=bf16",
            "training.reconstruction=cross_entropy needs training.precision=fp32: in bf16, tanh is rounded to exactly 1"),
    Mistake("an unknown kind of storage", "run --storage s4://bucket/results",
            "--storage takes a folder or a URI, not s4://. Did you mean s3?"),
    Mistake("storage without a bucket", "run --storage s3://",
            "cannot read --storage s3://; write it like s3://bucket/folder"),
    Mistake("two folders for one experiment", "run --storage shared --out results/mine",
            "--out results/mine and --storage shared are both folders; give only one of them"),
    Mistake("a copy from an unknown kind of storage", "pull s4://bucket/results/digits",
            "--storage takes a folder or a URI, not s4://. Did you mean s3?"),
    Mistake("a resource without an amount", "run --resource a100",
            "--resource takes NAME=AMOUNT, such as a100=1, not 'a100'"),
    Mistake("a resource with an option of its own", "run --resource GPU=1",
            "--resource GPU=1: use --gpus-per-trial for GPUs"),
    Mistake("a cluster's resource on this machine alone", "run --resource a100=1",
            "--resource a100=1 needs a cluster; give its --address too"),
    Mistake("a scheduler without a search", "run --scheduler asha", "--scheduler applies to a search only; add --tune N"),
    Mistake("a searcher without a search", "run --searcher tpe", "--searcher applies to a search only; add --tune N"),
    Mistake("a point of a searcher that learns", "run --methods mmd[searcher=tpe,point=3]",
            "points of mmd[searcher=tpe] depend on results; name the values (search.csv)"),
    Mistake("a scheduler without Ray", "run --tune 4 --scheduler asha --executor serial",
            "--scheduler asha needs Ray Tune; use it with --executor ray"),
    Mistake("out of range", "run --set training.epochs=0", "training.epochs = 0: input should be greater than 0"),
    Mistake("not finite", "run --set training.learning_rate=.nan",
            "training.learning_rate = nan: input should be a finite number"),
    Mistake("of the wrong type", "run --set training.epochs=many",
            "training.epochs = 'many': input should be a valid integer"),
    Mistake("a section without a key", "run --set training=3",
            "training is a section; write training.KEY (python -m bench.info lists the keys)"),
    Mistake("a key without a value", "run --set training.epochs",
            "--set takes key=value, such as training.batch_size=128, not 'training.epochs'"),
    Mistake("too few samples for any metric", "run --set evaluation.samples=5",
            "evaluation.samples = 5: input should be greater than or equal to 16"),
    Mistake("metrics of a missing row",
            "run --set evaluation.metrics=[probe] --set evaluation.final_samples=null",
            "evaluation.metrics=probe is part of the final row, so set evaluation.final_samples"),
    Mistake("... afterwards", "evaluate results/digits --samples 5",
            "Invalid value for '--samples': Input should be greater than or equal to 16; --help lists the options"),
    Mistake("a seed beyond what generators take", "evaluate results/digits --seed 99999999999",
            "Invalid value for '--seed': Input should be less than or equal to 2147483648; --help lists the options"),
    Mistake("low precision for a network that has none",
            "run --set evaluation.extractor_precision=bf16",
            "evaluation.extractor_precision=bf16 is available with --extractor inception only", trains=True),
    Mistake("a missing device", "evaluate results/digits --device cuda:9",
            "this machine has no device 'cuda:9'", given=first_trial),
    Mistake("far too many seeds", "run --seeds 99999999999 --dry-run",
            "seeds = 99999999999: input should be less than or equal to 10000"),
    Mistake("a network that is larger than the memory", "run --methods mmd --set network.width=9999999999 --dry-run --executor serial",
            "the network small of width 9999999999 does not fit into this machine's memory; lower network.width"),
    Mistake("a method that fails, found by a dry run", "run --plugin mine.py --methods failing --dry-run --executor serial",
            "failing fails when it is tried out with this network and batch: RuntimeError at mine.py:6: no luck", given=failing),
    Mistake("no seeds", "run --seeds 0", "seeds = 0: input should be greater than 0"),
    Mistake("more CPUs than there are", "run --cpus-per-trial 9999",
            "a trial asks for 9999 CPUs, but this process may use N; lower --cpus-per-trial", 1),
    Mistake("more GPUs than there are", "run --gpus-per-trial 99",
            "a trial asks for 99 GPUs, but this process may use N; lower --gpus-per-trial", 1),
    Mistake("a GPU and a half", "run --gpus-per-trial 1.5",
            "--gpus-per-trial 1.5: give a trial whole GPUs, or a fraction of one below 1"),
    Mistake("a crop smaller than the images", "run --dataset celeba --crop 32",
            "--crop 32 is smaller than --image-size 64; images are never enlarged"),
    Mistake("a network that does not fit the images", "run --dataset mnist --set network.name=dcgan32",
            "network dcgan32 needs square images whose side is a multiple of 8, not 28x28"),
    Mistake("a size that fits no network", "run --dataset folder --data-root photos --image-size 30",
            "no network takes images of 30x30; choose a side that is a multiple of 4"),
]  # fmt: skip

VARIANTS = [
    Mistake("an open bracket", "run --methods moco[", f"cannot read the method 'moco['; {EXAMPLE}"),
    Mistake("no value", "run --methods moco[temperature=]",
            f"cannot read the method 'moco[temperature=]': 'temperature=' is not key=value; {EXAMPLE}"),
    Mistake("a key twice", "run --methods moco[weight=1,weight=2]",
            f"cannot read the method 'moco[weight=1,weight=2]': 'weight' appears twice; {EXAMPLE}"),
    Mistake("an empty name", "run --methods moco,,mmd", f"cannot read the method ''; {EXAMPLE}"),
]  # fmt: skip

FILES = [
    Mistake("a file that does not hold settings", "run --config /dev/zero",
            "/dev/zero has more than 1,048,576 bytes; is it the right file?"),
    Mistake("aliases that repeat each other", "run --config study.yaml",
            "study.yaml, line 1: its aliases repeat more than 10,000 values",
            given=write(study__yaml="a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" + "".join(
                f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcd", "bcde", strict=True)))),
    Mistake("a missing file", "run --config study.yaml", "cannot read study.yaml: No such file or directory"),
    Mistake("an empty file", "run --config study.yaml",
            "study.yaml is empty; write keys such as 'dataset: digits' into it", given=write(study__yaml="")),
    Mistake("a key twice", "run --config study.yaml", "study.yaml, line 2: the key 'seeds' appears twice",
            given=write(study__yaml="seeds: 1\nseeds: 2\n")),
    Mistake("not YAML", "run --config study.yaml", "study.yaml, line 2: expected ',' or ']', but got '<stream end>'",
            given=write(study__yaml="methods: [moco\n")),
    Mistake("nested without end", "run --config study.yaml", "study.yaml is nested too deeply",
            given=write(study__yaml="[" * 3000)),
    Mistake("a list", "run --config study.yaml", "study.yaml must contain keys such as 'dataset: digits', not list",
            given=write(study__yaml="- moco\n")),
    Mistake("Inception without its weights", "run --extractor inception --executor serial",
            "no Inception weights for FID: they cannot be downloaded to checkpoints (no network in tests); "
            "give pytorch-fid's file with --inception-weights, or use --extractor classifier"),
    Mistake("missing weights", "run --extractor inception --inception-weights gone.pth --executor serial",
            "no Inception weights for FID: cannot read gone.pth: No such file or directory; "
            "give pytorch-fid's file with --inception-weights, or use --extractor classifier"),
    Mistake("weights that are truncated", "run --extractor inception --inception-weights weights.pth --executor serial",
            "no Inception weights for FID: weights.pth is not a file of weights, or is truncated (RuntimeError); "
            "give pytorch-fid's file with --inception-weights, or use --extractor classifier", given=odd_weights("truncated")),
    Mistake("weights of another network", "run --extractor inception --inception-weights weights.pth --executor serial",
            "no Inception weights for FID: weights.pth does not hold the weights of pytorch-fid's Inception network "
            "(Mixed_7c.branch_pool.bn.running_var is missing); give pytorch-fid's file with "
            "--inception-weights, or use --extractor classifier", given=odd_weights("other")),
    Mistake("weights for another extractor",
            "run --extractor classifier --inception-weights weights.pth --executor serial",
            "--inception-weights has no effect with --extractor classifier; omit one", given=odd_weights("other")),
    Mistake("a missing stored extractor", "run --extractor gone.pt --executor serial",
            "cannot read the extractor gone.pt: No such file or directory"),
    Mistake("a file that is not an extractor", "run --extractor notes.txt --executor serial",
            "notes.txt is not an extractor stored by bench.run (BadZipFile); an example of one is "
            "results/NAME/extractor/extractor.pt", given=write(notes__txt="hello")),
    Mistake("an extractor of other images",
            "run --extractor results/digits/extractor/extractor.pt --image-size 4 --out results/small",
            "the extractor expects images of shape [1, 8, 8], not [1, 4, 4]; omit --extractor to train another",
            given=finished(), trains=True),
    Mistake("an extractor of another kind",
            "run --extractor results/digits/extractor/extractor.pt --set evaluation.extractor=rotation --out other",
            "the stored extractor is a classifier network, not rotation; omit --extractor to train another",
            given=finished(), trains=True),
]  # fmt: skip

OPTIONS = [
    Mistake("an unknown option", "run --verbose", f"No such option: --verbose; {HELP}"),
    Mistake("an option given twice", "run --seeds 1 --seeds 2", "--seeds is given 2 times (1, 2); give it once"),
    Mistake("... that takes several values", "run --methods moco --methods=mmd",
            "--methods is given 2 times (moco, mmd); write --methods moco,mmd"),
    Mistake("... and its opposite", "prepare digits --grey --colour", "--grey and --colour contradict each other; give one"),
    Mistake("a setting given twice", "run --set seeds=1 --set seeds=2", "--set seeds is given twice; give it once"),
    Mistake("... by an option and --set", "run --seeds 1 --set seeds=2",
            "seeds is given twice, by its option and by --set; give one"),
    Mistake("a resource given twice", "run --resource a100=1 --resource a100=2",
            "--resource a100 is given twice; give it once"),
    Mistake("an unknown executor", "run --executor slurm",
            f"Invalid value for '--executor': Value error, 'slurm' is not one of 'ray', 'serial'; {HELP}"),
    Mistake("an empty value", "run --out ''", "--out is empty; is a shell variable unset?"),
    Mistake("an empty value", "prepare digits --prepared=", "--prepared is empty; is a shell variable unset?"),
    Mistake("a number that is none", "run --seeds three",
            "Invalid value for '--seeds': Input should be a valid integer, unable to parse string as an integer; "
            + HELP),
    Mistake("not finite", "run --checkpoint-seconds inf",
            f"Invalid value for '--checkpoint-seconds': inf is not a finite number; {HELP}"),
    Mistake("out of range", "run --image-size 0",
            f"Invalid value for '--image-size': Input should be greater than or equal to 1; {HELP}"),
    Mistake("a logger whose library is missing", "run --log mlflow",
            "--log mlflow needs the library mlflow, which cannot be imported (ModuleNotFoundError); to install it: "
            'pip install -e ".[mlflow]"', given=without("mlflow")),
    Mistake("no experiment named", "report", f"Missing argument 'experiments'; {HELP}"),
]  # fmt: skip

IMAGES = [
    Mistake("a download that fails", "run --dataset mnist --executor serial",
            "cannot download mnist (Error downloading train-images-idx3-ubyte.gz:); run the same command to try again, or put "
            "torchvision's files (MNIST/raw/) or images as mnist/{train,test}/<class>/*.png or .jpg under data or "
            "another --data-root", 1, no_mirror),
    Mistake("downloaded files that are damaged", "prepare mnist",
            "cannot read torchvision.datasets.MNIST in data/MNIST/raw: invalid literal for int() with base 16: b''; remove "
            "the damaged files there", given=cut_files),
    Mistake("no images, and none to download", "prepare celebahq",
            "celebahq is not under data and cannot be downloaded; put the images (any tree of .png or .jpg, 256x256 or "
            "larger) in celebahq/ there, or use --dataset folder --data-root DIR for images elsewhere"),
    Mistake("images that CelebA's partition names are missing", "prepare celeba",
            "1 images listed in data/celeba/list_eval_partition.txt are missing, such as "
            "data/celeba/img_align_celeba/000002.jpg", given=celeba(missing=True)),
    Mistake("a partition that is damaged", "prepare celeba",
            "data/celeba/list_eval_partition.txt, line 1: '000001.jpg' is not a file name followed by 0, 1 or 2",
            given=celeba(missing=False)),
    Mistake("no image folder given", "run --dataset folder --image-size 64",
            "--dataset folder needs --data-root DIR, your image directory"),
    Mistake("no image size given", "run --dataset folder --data-root photos",
            "folder needs --image-size, the side of its images in pixels, such as 64"),
    Mistake("a missing folder", "prepare folder --data-root fotos --image-size 64",
            "there is nothing at fotos; with --dataset folder, --data-root names DIR, your image directory"),
    Mistake("a folder in place of a file of arrays", "prepare arrays --data-root photos --image-size 8",
            "photos is a folder; with --dataset arrays, --data-root names FILE, your array file (.npy, .npz, .h5, .hdf5, .pt, "
            ".pth)", given=few(1)),
    Mistake("a misspelt file of arrays", "prepare arrays --data-root digts.npy --image-size 8",
            "there is nothing at digts.npy; with --dataset arrays, --data-root names FILE, your array file (.npy, .npz, .h5, "
            ".hdf5, .pt, .pth). Did you mean digits.npy?", given=write(digits__npy=b"")),
    Mistake("a misspelt class of torchvision", "prepare torchvision.MNITS --image-size 8",
            "unknown torchvision class 'MNITS'. Did you mean MNIST?"),
    Mistake("a folder without images", "prepare folder --data-root . --image-size 64",
            ". holds no images (.bmp, .gif, .jfif, .jpe, .jpeg, .jpg, .png, .tif, .tiff, .webp)"),
    Mistake("train/ without test/", "prepare folder --data-root photos --image-size 16",
            "photos has no images under test/; put some there; or name a folder without train/ and test/, which is "
            "then split by file name", given=without_test),
    Mistake("a class that one split lacks", "prepare folder --data-root photos --image-size 16",
            "photos/test has no images of the class 'dog', which is in another split", given=lacking_class),
    Mistake("a file that is not an image", "prepare folder --data-root photos --image-size 16",
            "cannot read the image photos/odd.png: it is not an image; replace it; or leave such images out with --skip-unreadable", given=with_photo(b"<html>")),
    Mistake("an image that is cut short", "prepare folder --data-root photos --image-size 16",
            "cannot read the image photos/odd.png: it is damaged (Truncated File Read); replace it; or leave such images out with --skip-unreadable",
            given=with_photo(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00")),
    Mistake("a file name that is not UTF-8", "prepare folder --data-root photos --image-size 16",
            "the file name b'photos/\\xff\\xfe.png' is not UTF-8; rename it", given=badly_named),
    Mistake("a link to nothing", "prepare folder --data-root photos --image-size 16",
            "photos/link.png is a broken link; repair or remove it", given=linked),
    Mistake("a linked folder", "prepare folder --data-root photos --image-size 16",
            "photos/dog is a linked folder, and links are not followed; replace it by a copy of its target (or mount the "
            "target there), or remove it", given=linked_class),
    Mistake("kinds of files that are not read", "prepare folder --data-root photos --image-size 16",
            "warning: 2 files are not used in photos: 2 .ppm (a kind of file that is not read), such as 0.ppm", 0,
            other_kinds),
    Mistake("splits below the top of the tree", "prepare folder --data-root photos --image-size 16",
            "the split folders training/ and testing/ are in photos/archive, not at the top of photos; name photos/archive "
            "as the image folder, or move the split folders to the top", given=wrapped),
    Mistake("two folders for one split", "prepare folder --data-root photos --image-size 16",
            "photos has two folders for train: train/ and training/; keep one of them", given=doubled_splits),
    Mistake("a link out of the tree", "prepare folder --data-root photos --image-size 16",
            "cannot use the image photos/link.png: it is a link that leads out of photos; replace it by a copy of its target; or "
            "leave such images out with --skip-unreadable", given=linked_out),
    Mistake("... found by a dry run", "run --dataset folder --data-root fotos --image-size 64 --dry-run --executor serial",
            "there is nothing at fotos; with --dataset folder, --data-root names DIR, your image directory"),
    Mistake("... left out", "prepare folder --data-root photos --image-size 16 --skip-unreadable",
            "warning: 1 images are left out: cannot read the image photos/odd.png: it is not an image; replace "
            "it; all are listed in "
            "data/prepared/folder/ID/sidecar.json", 0, with_photo(b"<html>")),
    Mistake("an image smaller than asked", "prepare folder --data-root photos --image-size 16",
            "cannot use the image photos/odd.png: it is 20x12, smaller than --image-size 16; choose a smaller value; or "
            "leave such images out with --skip-unreadable", given=with_photo(((20, 12), "RGB"))),
    Mistake("grey where colour is expected", "prepare folder --data-root photos --image-size 16",
            "warning: grey images, which are taken as colour images: 1; --grey makes all images grey", 0,
            with_photo(((16, 16), "L"))),
    Mistake("more than 8 bits", "prepare folder --data-root photos --image-size 16 --grey",
            "cannot use the image photos/odd.png: it has more than 8 bits per channel; convert it to 8 bits; or leave such "
            "images out with --skip-unreadable", given=with_photo(((16, 16), "I;16"))),
    Mistake("too few images to split", f"run {PHOTOS}",
            "folder has too few images: none are left for validation; add images", given=few(3), trains=True),
    Mistake("too few images to compare with", f"run {PHOTOS}",
            "folder has 30 test images, too few to compare with: a Fréchet distance in 64 features needs more than "
            "64 images; add images (without a folder test, a tenth are test images)", given=few(300), trains=True),
    Mistake("less than a batch", "run --dataset digits --set training.batch_size=2000 --executor serial",
            "digits has 1000 training images, fewer than one batch; add images, or lower training.batch_size (now 2000)"),
    Mistake("no labels for a classifier", f"run {PHOTOS} --set evaluation.extractor=classifier",
            "folder has no labels to train a classifier on; use --extractor rotation", given=few(1000), trains=True),
    Mistake("no labels for a probe", f"run {PHOTOS} --set evaluation.metrics=[probe]",
            "the metric probe needs labels, and folder has none; leave it out", given=few(1000), trains=True),
]  # fmt: skip

RESULTS = [
    Mistake("results that cannot be written", "run --out notes.txt/out --executor serial",
            "cannot write notes.txt/out: notes.txt is not a folder", 1, write(notes__txt="")),
    Mistake("... found by a dry run", "run --out notes.txt/out --executor serial --methods mmd --dry-run",
            "cannot write notes.txt/out: notes.txt is not a folder", 1, write(notes__txt="")),
    Mistake("a file in place of the folder, found by a dry run", "run --out notes.txt --executor serial --dry-run",
            "cannot write notes.txt: notes.txt is not a folder", 1, write(notes__txt="")),
    Mistake("a path that is too long", f"run --executor serial --dry-run --out {'x' * 300}",
            f"cannot use {'x' * 300}: File name too long", 1),
    Mistake("no space left while preparing", f"run {PHOTOS} --prepared disk",
            "not enough disk space to prepare folder under disk: N MB needed, N MB free; free some space, or choose another "
            "--prepared", 1, lambda place: (photos(place), small_disk(100)(place)), trains=True),
    Mistake("no space left while checkpointing", "run --methods mmd --seeds 1 --out disk/out --set network.width=32",
            "mmd seed 0 failed: cannot write disk/out/trials/mmd-s0-ID/checkpoint.pt: No space left on device; free some "
            "space and run the same command again", 1, small_disk(700), trains=True),
    Mistake("no space left while reporting", "report disk/out",
            "cannot write disk/out/report: No space left on device; free some space and run "
            "the same command again", 1, full_while_reporting),
    Mistake("no experiment to score", "evaluate results/none",
            "there is no folder results/none"),
    Mistake("no finished trial", "evaluate results/digits",
            "results/digits has no trial to score: none is finished; python -m bench.run trains them", given=unfinished),
    Mistake("scoring a trial whose rows are damaged", "evaluate results/digits",
            "results/digits has no trial to score: mmd-s0-ID has damaged rows; run the same bench.run command again to repair them",
            given=damaged("results/digits/trials/*/history.parquet")),
    Mistake("no checkpoint left", "evaluate results/digits",
            "results/digits has no trial to score: mmd-s0-ID no longer has a checkpoint; bench.run --force trains it again",
            given=cleaned),
    Mistake("... to sample from", "sample TRIAL",
            "mmd-s0-ID no longer has a checkpoint; bench.run --force trains it again", given=cleaned),
    Mistake("a grid that is not a PNG", "sample TRIAL --out grid.jpg", "grid.jpg must end in .png", given=first_trial),
    Mistake("no trial", "sample results/digits",
            "results/digits is not a trial: it has no spec.json; name a folder such as results/digits/trials/moco-s0-..."),
    Mistake("missing images", "evaluate results/digits",
            "the images of mmd-s0-ID are not in data/prepared/digits/ID; name their folder with --prepared, or run python -m "
            "bench.prepare digits", given=moved_images),
    Mistake("... to reconstruct", "sample TRIAL --kind reconstructions --prepared elsewhere",
            "the images of mmd-s0-ID are not in elsewhere/digits/ID; name their folder with --prepared, or run python -m "
            "bench.prepare digits --prepared elsewhere", given=first_trial),
    Mistake("a sampler for reconstructions", "sample TRIAL --kind reconstructions --sampler gmm",
            "--sampler gmm applies to --kind samples only; reconstructions encode held-out images", given=first_trial),
    Mistake("more reconstructions than images", "sample TRIAL --kind reconstructions --count 500",
            "there are 400 held-out images, 500 are needed; lower --count", given=first_trial),
    Mistake("scoring while a run is under way", "evaluate results/digits",
            "another run is writing to results/digits; wait for it, or choose another folder", 1,
            lambda place: (first_trial(place), locked(place))),
    Mistake("statistics of real images that are damaged", "evaluate results/digits --seed 1",
            "warning: data/prepared/digits/ID/features/ID-fp32-64-test.npz is damaged; computing it again", 0,
            damaged("data/prepared/digits/*/features/*-64-test.npz")),
    Mistake("two runs on one experiment", "run --executor serial",
            "another run is writing to results/digits; wait for it, or choose another folder", 1, locked),
    Mistake("an experiment of another protocol", "run --methods mmd --seeds 1 --set training.epochs=3",
            "results/digits has a different protocol: training.epochs is 2 there and 3 here; choose another --out",
            given=finished(), trains=True),
    Mistake("more trials than were meant", "run --methods moco[weight=1|10|100] --seeds 100",
            "this run has 300 trials; --dry-run lists them with their cost, --yes runs them"),
    Mistake("a damaged checkpoint", "run --methods mmd --seeds 1",
            "warning: mmd-s0-ID/checkpoint.pt is damaged; the checkpoint before it is used", 0,
            damaged("results/digits/trials/*/checkpoint.pt", state="running"), trains=True),
    Mistake("damaged rows", "run --methods mmd --seeds 1",
            "warning: mmd-s0-ID/history.parquet is damaged; it is rewritten from the checkpoint", 0,
            damaged("results/digits/trials/*/history.parquet"), trains=True),
    Mistake("a damaged prepared array", "run --methods mmd --seeds 1",
            "warning: data/prepared/digits/ID is damaged; preparing it again", 0,
            damaged("data/prepared/digits/*/test-images.npy"), trains=True),
    Mistake("a damaged note of a prepared set", "run --methods mmd --seeds 1",
            "warning: data/prepared/digits/ID is damaged; preparing it again", 0,
            damaged("data/prepared/digits/*/sidecar.json"), trains=True),
    Mistake("a damaged specification of a trial", "run --methods mmd --seeds 1",
            "warning: mmd-s0-ID/spec.json is damaged; it is rewritten", 0,
            damaged("results/digits/trials/*/spec.json"), trains=True),
    Mistake("... to report", "report results/digits",
            "results/digits holds no readable trial; run the same bench.run again to repair or retrain its trials",
            given=damaged("results/digits/trials/*/spec.json")),
    Mistake("... to clean", "clean",
            "warning: results/digits/trials/mmd-s0-ID/spec.json is damaged (its sha256 has changed); remove it and run the "
            "same command again; it is skipped", 0, damaged("results/digits/trials/*/spec.json")),
    Mistake("a damaged status of a trial", "run --methods mmd --seeds 1",
            "warning: mmd-s0-ID/status.json is damaged; the trial resumes from its last checkpoint", 0,
            damaged("results/digits/trials/*/status.json"), trains=True),
    Mistake("a damaged environment of a trial", "run --methods mmd --seeds 1",
            "warning: mmd-s0-ID/environment.json is damaged; the hardware and versions of the trial are lost", 0,
            damaged("results/digits/trials/*/environment.json"), trains=True),
    Mistake("a damaged sample grid", "report results/digits",
            "warning: mmd-s0-ID/samples/samples-00000008.png is damaged; an older grid is shown", 0,
            damaged("results/digits/trials/*/samples/samples-00000008.png")),
    Mistake("results with a link to another place", "report results/digits",
            "results/digits/trials/mmd-s0-ID/samples is a link that leads out of digits/; replace it by a copy of its target", 1,
            results_linked_out),
    Mistake("results copied without their checksums", "report results/digits",
            "results/digits/experiment.yaml has no checksum; copy the folder .sha256/ beside it as well (cp -r)", 1,
            without_checksums),
    Mistake("a damaged extractor", "run --methods mmd --seeds 1",
            "warning: results/digits/extractor/extractor.pt is damaged; writing it again", 0,
            damaged("results/digits/extractor/extractor.pt"), trains=True),
]  # fmt: skip

RAY = [
    Mistake("a cluster that does not answer", "run --address 127.0.0.1:1",
            "no Ray cluster answers at 127.0.0.1:1 ([Errno 111] Connection refused); see `ray status` on its head node", 1),
    Mistake("an address where something else listens", "run --address HOST:PORT",
            "no Ray cluster answers at HOST:PORT (another service listens there); see `ray status` on its head node", 1,
            web_server),
    Mistake("a malformed address", "run --address nonsense",
            "cannot start on the Ray cluster at nonsense: Invalid address format: nonsense", 1),
    Mistake("a cluster without a precision", "run --dataset cifar10 --extractor classifier --address HOST:PORT",
            "choose the cluster's precision for dcgan32: --set training.precision=bf16 if its machines are fast at bf16, "
            "else --set training.precision=fp32", 2, cluster, slow=True),
    Mistake("a Ray Client address", "run --address ray://127.0.0.1:10001",
            "a Ray Client address cannot be used; run this on a node of the cluster, with --address auto"),
    Mistake("an address for the serial executor", "run --executor serial --address auto",
            "--executor serial runs on this machine only; leave out --address, or use --executor ray"),
    Mistake("more CPUs than a node of the cluster has", "run --address HOST:PORT --cpus-per-trial 2",
            "a trial asks for 2 CPUs and 0 GPUs, but the largest of 1 nodes has 1 and 0; lower --cpus-per-trial or "
            "--gpus-per-trial", 1, cluster, slow=True),
    Mistake("more GPUs than a node of the cluster has", "run --address HOST:PORT --gpus-per-trial 1",
            "a trial asks for 1 CPUs and 1 GPUs, but the largest of 1 nodes has 1 and 0; lower --cpus-per-trial or "
            "--gpus-per-trial", 1, cluster, slow=True),
]  # fmt: skip

SECTIONS = {
    "Names": NAMES,
    "Values": VALUES,
    "Variants": VARIANTS,
    "Options": OPTIONS,
    "Files": FILES,
    "Images": IMAGES,
    "Results": RESULTS,
    "Ray": RAY,
}

INTRODUCTION = """---
hide: [toc]
---
# Errors

A mistake ends in one line on standard error that begins with `error:`, and in an exit status: 2 if something that you typed or
gave is at fault, 1 if the machine or the run is. A line that begins with `warning:` is no error: the command continues. Nothing
that was computed is lost by any of them. Correct the command and run it again; it continues.

The tables list every mistake with its line. A test makes each of them (`tests/end_to_end/mistakes.py`, from which `make docs`
writes this page). Commands stand without `python -m bench.`. Paths are relative to the working directory; `N` and `ID` stand for
parts that differ.
"""


def page() -> str:
    """docs/reference/errors.md."""
    lines = [INTRODUCTION]
    for title, mistakes in SECTIONS.items():
        lines += [f"## {title}", "", "| mistake | command | line | exit |", "|---|---|---|---|"]
        for m in mistakes:
            line = m.line if m.line.startswith("warning:") else f"error: {m.line}"
            cells = [m.what, f"`{m.typed}`", f"`` {line} ``", str(m.status)]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
