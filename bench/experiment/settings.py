"""What an experiment is: typed, strict, and resolved from defaults, the data set's file, a file and --set."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench.io.schema import Name

PositiveInt = Annotated[int, Field(gt=0, lt=2**53)]
SampleCount = Annotated[int, Field(ge=16, le=1_000_000)]  # fewer have too few neighbours
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A group of settings: typed, immutable, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Preprocessing(Section):
    """What is made of a source's images: uint8 [channels, image_size, image_size].

    crop: side of the square cut out of the centre first; without it, the largest that there is. What is left is
    resized (Lanczos) to `image_size`, never enlarged. channels: 1 makes colour images grey; 3 takes none that are grey.
    """

    image_size: PositiveInt | None = None  # there is no default for `folder`
    crop: PositiveInt | None = None
    channels: Literal[1, 3] = 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        assert self.image_size is not None  # `resolve` has seen to it
        return self.channels, self.image_size, self.image_size


class Network(Section):
    """The networks that all methods share. `width`: channels at the highest resolution; deeper layers double it.

    name: "auto" takes the deepest of the plain networks that fits the images' size.
    initialisation: of the first weights: PyTorch's own, or as published for WAE or DCGAN.
    """

    name: Name = "auto"
    width: PositiveInt = 16
    latent_dim: Annotated[int, Field(ge=2, lt=2**53)] = 8
    initialisation: Literal["torch", "wae", "dcgan"] = "torch"


class Training(Section):
    """The budget, the same for every method.

    train_images: use only the first so many. learning_rate: Adam's, constant or falling along half a cosine to 0.
    precision: inside the networks; auto: bf16 where the processor has it and the networks are large enough to gain by
    it, else fp32. reconstruction: what the decoder is trained by: the squared error summed over
    pixels, or the binary cross-entropy averaged over them; penalty weights are in its units.
    """

    epochs: PositiveInt = 40
    train_images: Annotated[int, Field(ge=2, lt=2**53)] | None = None
    batch_size: Annotated[int, Field(ge=2, lt=2**53)] = 100
    learning_rate: PositiveFloat = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    reconstruction: Literal["squared_error", "cross_entropy"] = "squared_error"


class Evaluation(Section):
    """The protocol of measuring.

    evaluations: rows of a trial, dense early: the k-th of n stands at (k/n)^2 of the training.
    samples: generated images for each row. split: the held-out real images they are compared with.
    final_samples: generated images for the last checkpoint's own row, of all metrics (FID: against the training
    images); null: no such row.
    extractor: whose features images are compared in: FID's Inception network, a classifier of the data set's labels, a
    network that tells by how much an image was turned, or auto: the first of these that can be had.
    extractor_precision: inside Inception. extractor_steps: the training of the other two.
    seed: of the prior draws.
    target: a distance (of `samples` images), fixed before anything is trained: how soon is it reached?
    """

    evaluations: PositiveInt = 12
    samples: SampleCount = 10_000
    final_samples: SampleCount | None = 50_000
    split: Literal["test", "validation"] = "test"
    extractor: Literal["auto", "inception", "classifier", "rotation"] = "auto"
    extractor_precision: Literal["fp32", "bf16"] = "fp32"
    extractor_steps: PositiveInt = 400
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    target: PositiveFloat | None = None


class Search(Section):
    """Equal-budget search (bench.run --tune). points: of each method's search space; none: no search.

    seeds: tuning seeds of a point. scheduler: none trains every point to its end; asha (Li et al., arXiv 1810.05934)
    stops those early that are behind, which favours methods that start fast.
    """

    points: Annotated[int, Field(gt=0, le=10_000)] | None = None
    seeds: PositiveInt = 1
    scheduler: Literal["none", "asha"] = "none"


class Experiment(Section):
    """One `bench.run`: methods x seeds on one data set under one protocol. No methods: every one there is."""

    methods: list[str] = []
    dataset: str = "digits"
    seeds: Annotated[int, Field(gt=0, le=10_000)] = 3
    preprocessing: Preprocessing = Preprocessing()
    network: Network = Network()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search = Search()
