"""A plug-in with a data set: sloping stripes, which are computed."""

import numpy as np

from bench.plugins import Dataset

IMAGES, SIDE = 1500, 8


def stripes() -> dict[str, np.ndarray]:
    """Sloping stripes of random width and position, computed."""
    random = np.random.default_rng(0)
    labels = np.arange(IMAGES) % 2  # 0: they fall to the left; 1: to the right
    y, x = np.mgrid[:SIDE, :SIDE]
    slope = np.where(labels == 0, 1.0, -1.0)[:, None, None]
    frequency, phase = random.uniform(0.5, 1.5, (IMAGES, 1, 1)), random.uniform(0, 2 * np.pi, (IMAGES, 1, 1))
    return {"images": 0.5 + 0.5 * np.sin(frequency * (x + slope * y) + phase), "labels": labels}


DATASETS = {
    "stripes": Dataset(
        stripes,
        image_size=SIDE,
        channels=1,
        classes=("left", "right"),
        settings={"network": {"width": 16, "latent_dim": 4}, "training": {"epochs": 10, "batch_size": 50}},
    )
}
