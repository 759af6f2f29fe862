"""The data sets by name: their sizes, where their files are expected, and how they are found and downloaded.

`configs/datasets/<name>.yaml` holds the preprocessing, networks and training budget of each.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.data import sources, torchvision_classes
from bench.data.array_files import SUFFIXES, array_file
from bench.data.celeba import celeba
from bench.data.huggingface import huggingface
from bench.data.image_tree import image_tree
from bench.data.sources import Source
from bench.data.torchvision_classes import PREFIX, torchvision_class
from bench.errors import RunError, UserError, did_you_mean_file, reason, say
from bench.experiment.settings import Preprocessing


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes:
        about: one line for `bench.info`.
        images: numbers of training, validation and test images; None if they depend on the files.
        find: returns the source under a data root, or None.
        layout: the files under the data root that `find` looks for.
        fetch: downloads it with torchvision into a data root; None if it cannot be downloaded.
        labelled: whether images have classes, whatever the files.
        own: what --data-root names, if that is the user's own images rather than a folder of data sets; else empty.
    """

    about: str
    images: tuple[int, int, int] | None
    find: Callable[[Path], Source | None]
    layout: str = ""
    fetch: Callable[[Path], None] | None = None
    labelled: bool = False
    own: str = ""


def _torchvision(
    name: str,
    class_name: str,
    about: str,
    images: tuple[int, int, int],
    folder: str,
    files: tuple[str, ...],
    classes: str,
) -> Dataset:
    """A data set that torchvision downloads. An image tree in the folder `name` is accepted as well.

    `class_name` is the class in torchvision.datasets. It puts `files` into `folder` below the data root. `classes` are
    separated by spaces.
    """

    def find(root: Path) -> Source | None:
        source = sources.torchvision(class_name, root, folder, files, classes.split())
        return source or (image_tree(root / name, splits=True) if (root / name).is_dir() else None)

    layout = f"torchvision's files ({folder}/) or images as {name}/{{train,test}}/<class>/*.png or .jpg"
    return Dataset(about, images, find, layout, lambda root: torchvision_classes.fetch(class_name, root), labelled=True)


_IDX = tuple(f"{part}-{kind}-ubyte" for part in ("t10k", "train") for kind in ("images-idx3", "labels-idx1"))
_BATCHES = ("batches.meta", *(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
_DIGITS = "0 1 2 3 4 5 6 7 8 9"
_CLOTHES = "t-shirt trouser pullover dress coat sandal shirt sneaker bag boot"
_THINGS = "airplane automobile bird cat deer dog frog horse ship truck"


def _fetch_celeba(root: Path) -> None:
    from torchvision import datasets

    datasets.CelebA(str(root), split="all", target_type=[], download=True)


def _celeba(root: Path) -> Source | None:
    return celeba(root / "celeba")


def _celebahq(root: Path) -> Source | None:
    folder = root / "celebahq"
    return image_tree(folder, labelled=False) if folder.is_dir() else None


def _folder(root: Path) -> Source | None:
    return image_tree(root) if root.is_dir() else None


DATASETS = {
    "digits": Dataset(
        "handwritten digits that ship with scikit-learn; no download",
        (1000, 397, 400),
        lambda _: sources.digits(),
        labelled=True,
    ),
    "mnist": _torchvision("mnist", "MNIST", "handwritten digits", (55000, 5000, 10000), "MNIST/raw", _IDX, _DIGITS),
    "fashion_mnist": _torchvision(
        "fashion_mnist", "FashionMNIST", "clothes, grey", (55000, 5000, 10000), "FashionMNIST/raw", _IDX, _CLOTHES
    ),
    "cifar10": _torchvision(
        "cifar10",
        "CIFAR10",
        "photographs of ten kinds of things",
        (45000, 5000, 10000),
        "cifar-10-batches-py",
        _BATCHES,
        _THINGS,
    ),
    "celeba": Dataset(
        "faces, aligned; published split",
        (162770, 19867, 19962),
        _celeba,
        "celeba/img_align_celeba/*.jpg (unzipped) and celeba/list_eval_partition.txt, or Kaggle's copy with its .csv",
        _fetch_celeba,
    ),
    "celebahq": Dataset(
        "faces in high resolution, from a folder of images",
        None,
        _celebahq,
        "the images (any tree of .png or .jpg, 256x256 or larger) in celebahq/",
    ),
    "folder": Dataset(
        "your own images: --data-root names their folder, --image-size their side",
        None,
        _folder,
        own="DIR, your image directory",
    ),
    "arrays": Dataset(
        "your own images in an array file: .npy, .npz, HDF5 or a torch tensor file",
        None,
        array_file,
        own=f"FILE, your array file ({', '.join(SUFFIXES)})",
    ),
    "huggingface": Dataset(
        "a Hugging Face data set that Dataset.save_to_disk wrote",
        None,
        huggingface,
        own="DIR, which Dataset.save_to_disk wrote",
    ),
    "torchvision": Dataset(
        "any class of torchvision.datasets with images and classes, as torchvision.SVHN",
        None,
        lambda _: None,
        "the files of the class NAME in NAME/",
    ),
}


def get(name: str) -> Dataset:
    """Return a data set by its name, which may be torchvision.NAME."""
    if not name.startswith(PREFIX):
        return DATASETS[name]
    class_name = name.removeprefix(PREFIX)
    layout = f"torchvision's files in {class_name}/"
    return Dataset(
        f"torchvision.datasets.{class_name}",
        None,
        lambda root: torchvision_class(class_name, root),
        layout,
        lambda root: torchvision_classes.fetch(class_name, root / class_name),
    )


def find(name: str, root: Path) -> Source | None:
    """Return the source of this data set under `root`, or None."""
    return get(name).find(root)


def refuse_missing(name: str, root: Path) -> None:
    """Refuse a data set that is not under `root` and cannot be downloaded.

    Raises:
        UserError: it says which files to put where.
    """
    dataset = get(name)
    if dataset.own:
        rule = f"with --dataset {name}, --data-root names {dataset.own}"
        other = f"{root} is a {'folder' if root.is_dir() else 'file'}"
        raise UserError(f"{other if root.exists() else f'there is nothing at {root}'}; {rule}{did_you_mean_file(root)}")
    if dataset.fetch is None:
        remedy = f"put {dataset.layout} there, or use --dataset folder --data-root DIR for images elsewhere"
        raise UserError(f"{name} is not under {root} and cannot be downloaded; {remedy}")


def download(name: str, root: Path) -> Source:
    """Download a data set into `root` with torchvision.

    Raises:
        UserError: it cannot be downloaded; the message says which files to put where.
        RunError: the download failed.
    """
    dataset = get(name)
    refuse_missing(name, root)
    assert dataset.fetch is not None
    say(f"downloading {name} into {root} (torchvision)")
    try:
        dataset.fetch(root)
    except UserError:  # it already says what to do
        raise
    except Exception as error:  # torchvision, urllib and gdown raise types of their own
        needs_gdown = "gdown" in str(error) and importlib.util.find_spec("gdown") is None
        problem = "it is in Google Drive, which needs gdown" if needs_gdown else reason(error)[:100]
        remedy = "run pip install gdown" if needs_gdown else "run the same command to try again"
        raise RunError(
            f"cannot download {name} ({problem}); {remedy}, or put {dataset.layout} under {root} or another --data-root"
        ) from error
    source = dataset.find(root)
    if source is None:
        raise RunError(f"the download of {name} into {root} is incomplete; put {dataset.layout} there")
    return source


@dataclass(frozen=True)
class Request:
    """A data set to prepare.

    Attributes:
        name: a key of DATASETS, or torchvision.NAME.
        root: the data root, which holds the source files.
        prepared: the folder of all prepared data sets.
        skip_unreadable: leave out images that cannot be used, instead of raising UserError.
    """

    name: str
    root: Path
    preprocessing: Preprocessing
    prepared: Path
    skip_unreadable: bool = False
