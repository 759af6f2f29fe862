"""Images and files of data sets, written for tests."""

import pickle
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images


def picture(path: Path, size: tuple[int, int], mode: str = "RGB") -> None:
    """Save an image of random pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.RandomState(len(str(path))).randint(0, 256, shape)
    Image.fromarray(pixels.astype(np.uint16 if mode == "I;16" else np.uint8)).save(path)


def numbered(folder, count, size=(16, 16)):
    """Write images of one colour each, which encodes their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("RGB", size, (i % 256, i // 256, 7)).save(folder / f"{i}.png")


def numbers(images):
    """The numbers of `numbered` images."""
    return (images[:, 0, 0, 0] + 256 * images[:, 1, 0, 0].astype(int)).tolist()


def photographs(n: int, side: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces, uint8 [n, 3, side, side], of each of the two real photographs that come with scikit-learn."""
    random, sets = np.random.RandomState(0), []
    for image in load_sample_images().images:
        corners = random.randint(0, [image.shape[0] - side, image.shape[1] - side], (n, 2))
        pieces = np.stack([image[y : y + side, x : x + side] for y, x in corners])
        sets.append(torch.from_numpy(pieces).permute(0, 3, 1, 2).contiguous())
    return sets[0], sets[1]


def write_celeba(root: Path, train: int, validation: int, test: int) -> Path:
    """CelebA's folder with random pictures and a partition into as many images."""
    folder, random = root / "celeba", np.random.RandomState(0)
    (folder / "img_align_celeba").mkdir(parents=True)
    lines = []
    for i, split in enumerate([0] * train + [1] * validation + [2] * test):
        name = f"{i + 1:06}.jpg"
        Image.fromarray(random.randint(0, 256, (218, 178, 3)).astype(np.uint8)).save(folder / "img_align_celeba" / name)
        lines.append(f"{name} {split}\n")
    (folder / "list_eval_partition.txt").write_text("".join(lines))
    return folder


def write_idx(root: Path, train: int = 300, test: int = 100) -> dict[str, bytes]:
    """MNIST's four files with random contents; returns them by name."""
    random = np.random.RandomState(0)
    files = {}
    for part, count in (("train", train), ("t10k", test)):
        pixels, labels = random.randint(0, 256, (count, 28, 28)), np.arange(count) % 10
        files[f"{part}-images-idx3-ubyte"] = (
            b"\x00\x00\x08\x03" + np.array([count, 28, 28], ">i4").tobytes() + pixels.astype(np.uint8).tobytes()
        )
        files[f"{part}-labels-idx1-ubyte"] = (
            b"\x00\x00\x08\x01" + np.array([count], ">i4").tobytes() + labels.astype(np.uint8).tobytes()
        )
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / name).write_bytes(content)
    return files


def write_cifar(root: Path, images_per_batch: int = 20) -> None:
    """CIFAR-10 in torchvision's own layout, with random pixels; integrity sums are the caller's to patch."""
    folder, random = root / "cifar-10-batches-py", np.random.RandomState(0)
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        pixels = random.randint(0, 256, (images_per_batch, 3072)).astype(np.uint8)
        labels = random.randint(0, 10, images_per_batch).tolist()
        (folder / name).write_bytes(pickle.dumps({"data": pixels, "labels": labels}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [str(i) for i in range(10)]}))
