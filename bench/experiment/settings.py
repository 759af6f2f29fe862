"""The settings of an experiment, as typed and immutable sections. `bench.experiment.configuration` resolves them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bench.io.schema import Name, Value

PositiveInt = Annotated[int, Field(gt=0, lt=2**53)]
SampleCount = Annotated[int, Field(ge=16, le=1_000_000)]  # precision and recall need several neighbours per image
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
BUDGETS = ("epochs", "steps", "images", "seconds")  # of a training, which has exactly one of them


class Section(BaseModel):
    """A group of settings. Unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Preprocessing(Section):
    """How source images become uint8 arrays of shape [channels, image_size, image_size].

    Attributes:
        image_size: side of the prepared images in pixels. Images are resized (Lanczos), but never enlarged. The data
            set `folder` has no default.
        crop: side of the central square that is cut out before resizing. Default: the largest square that fits.
        channels: 1 converts colour images to grey; 3 takes grey images as colour images.
    """

    image_size: PositiveInt | None = None
    crop: PositiveInt | None = None
    channels: Literal[1, 3] = 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        assert self.image_size is not None  # `resolve` refuses an experiment without it
        return self.channels, self.image_size, self.image_size


class Network(Section):
    """The encoder and decoder that all methods share.

    Attributes:
        name: architecture; "auto" is the deepest plain network that fits the image size.
        width: channels at the highest resolution. They double at each lower resolution.
        latent_dim: numbers in a code.
        equal_dimensions: whether a code on the unit sphere gets one number more, because the sphere of R^d has only
            d - 1 dimensions. Default: false, as in papers, so N(0, I) has one dimension more than the sphere.
        initialisation: distribution of the initial weights: PyTorch's default, or that published for WAE or DCGAN.
        scaled_codes: whether codes enter decoders and critics with unit variance in every dimension under every prior
            (`Prior.network_input`). false: as published for the unit sphere, with coordinates sqrt(d) times smaller.
    """

    name: Name = "auto"
    width: PositiveInt = 16
    latent_dim: Annotated[int, Field(ge=2, lt=2**53)] = 8
    initialisation: Literal["torch", "wae", "dcgan"] = "torch"
    scaled_codes: bool = True
    equal_dimensions: bool = False


class Training(Section):
    """The training budget and objective, the same for every method. The budget is one of the first four settings.

    Attributes:
        epochs: passes over the training images. Default: 40, unless one of the next three is set.
        steps: optimisation steps.
        images: training images seen, rounded up to whole batches.
        seconds: seconds of training; evaluations, checkpoints and recording do not count. It compares what each method
            reaches in equal time, on machines that are equally fast and equally busy, and repeats only about.
        train_images: train on only the first N images. Default: all.
        batch_size: images per step.
        learning_rate: initial learning rate of Adam. Default: that of each method (bench.info methods).
        optimiser: of torch.optim, in lower case: adam, adamw, sgd, rmsprop ...; or that of a plug-in. Default learning
            rates were found with adam.
        optimiser_options: parameters of the optimiser other than the learning rate, such as {momentum: 0.9}.
        schedule: a constant learning rate, or half a cosine that falls to 0.
        precision: number format inside the networks. "auto" is bf16 if the processor supports it and the networks are
            large enough to benefit, else fp32.
        reconstruction: the decoder's loss: squared error summed over pixels, or binary cross-entropy averaged over
            pixels.
        weight_units: the unit of penalty weights. "relative": the reconstruction error of the best constant image,
            which is the total variance of the training images (squared error), so that a weight means the same on every
            data set. "absolute": one unit of the reconstruction error, as in most papers.
    """

    epochs: PositiveInt | None = 40
    steps: PositiveInt | None = None
    images: PositiveInt | None = None
    seconds: PositiveFloat | None = None
    train_images: Annotated[int, Field(ge=2, lt=2**53)] | None = None
    batch_size: Annotated[int, Field(ge=2, lt=2**53)] = 100
    learning_rate: PositiveFloat | None = None
    optimiser: Name = "adam"
    optimiser_options: dict[Name, Value | list[float]] = {}
    schedule: Literal["constant", "cosine"] = "constant"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    reconstruction: Literal["squared_error", "cross_entropy"] = "squared_error"
    weight_units: Literal["relative", "absolute"] = "relative"

    @model_validator(mode="before")
    @classmethod
    def _replace_epochs(cls, given: object) -> object:
        """Leave out the default of `epochs` if another budget is given."""
        if isinstance(given, dict) and "epochs" not in given and any(given.get(name) is not None for name in BUDGETS):
            return {**given, "epochs": None}
        return given

    @model_validator(mode="after")
    def _require_one_budget(self) -> "Training":
        if sum(getattr(self, name) is not None for name in BUDGETS) != 1:
            raise ValueError(f"give exactly one of {', '.join(BUDGETS)}")
        return self


class Evaluation(Section):
    """The evaluation protocol.

    Numbers that you leave out follow from the budget, which is the images trained on times the cost of the networks.
    The defaults below are the most. They are lowered until evaluation takes a fifth of a trial's time (35% with
    Inception).

    Attributes:
        evaluations: number n of evaluations during training. The k-th follows the fraction (k/n)^2 of the steps, so
            they are denser early.
        samples: generated images per evaluation.
        final_samples: generated images for the final row, which evaluates the last checkpoint on all metrics (FID
            against the training images). null: no final row.
        held_out: held-out images per evaluation for reconstructions and diagnostics; fewer if they are larger than
            64x64. Default: as many as `samples` affords.
        reconstructions: held-out images whose reconstructions are compared like generated images, in the final row.
        split: the held-out real images that generated images are compared with.
        extractor: network whose features are compared: FID's Inception network, a classifier of the data set's labels,
            or a network that predicts by how much an image was rotated. "auto" is the first of these that is available.
            Or that of a plug-in.
        extractor_precision: number format inside Inception.
        extractor_steps: training steps of the classifier or rotation network.
        seed: seed of the prior samples.
        target: a distance at `samples` images, chosen before training. The report states how soon trials reach it.
        metrics: optional metrics of the final row: infinity, sharpness, memorisation, probe, or those of plug-ins.
            bench.evaluate --metrics adds them to finished trials.
    """

    evaluations: PositiveInt = 12
    samples: SampleCount = 10_000
    final_samples: SampleCount | None = 50_000
    held_out: SampleCount = 1000
    reconstructions: SampleCount = 10_000
    split: Literal["test", "validation"] = "test"
    extractor: Name = "auto"
    extractor_precision: Literal["fp32", "bf16"] = "fp32"
    extractor_steps: PositiveInt = 400
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    target: PositiveFloat | None = None
    metrics: Annotated[list[Name], AfterValidator(lambda names: sorted(set(names)))] = []


class Search(Section):
    """A hyperparameter search with the same budget for every method (bench.run --tune).

    Attributes:
        points: points of each method's search space. Default: no search.
        seeds: tuning seeds per point.
        searcher: how points are chosen. "halton": a quasi-random sequence, evenly spread and independent of results.
            "random", "tpe" (Bergstra et al. 2011) and "cmaes" (Hansen 2016) are Optuna's samplers; tpe and cmaes learn
            from the rounds before.
        round: points of each method that a searcher other than "halton" proposes at a time. The first round of tpe and
            cmaes is random.
        finalists: the best points of each method that are trained on `final_seeds` more tuning seeds. The best of them
            over all tuning seeds is chosen.
        final_seeds: see `finalists`.
        scheduler: "none" trains every point to the end. "asha" (Li et al., arXiv 1810.05934) stops trials early if
            they fall behind, which favours methods that start fast.
    """

    points: Annotated[int, Field(gt=0, le=10_000)] | None = None
    seeds: PositiveInt = 2
    searcher: Literal["halton", "random", "tpe", "cmaes"] = "halton"
    round: Annotated[int, Field(gt=0, le=10_000)] = 6
    finalists: PositiveInt = 3
    final_seeds: Annotated[int, Field(ge=0, le=1000)] = 3
    scheduler: Literal["none", "asha"] = "none"


class Report(Section):
    """What a report says. It changes no result; bench.report can make another one from the same trials.

    Attributes:
        baseline: the variant that the verdict is about, such as `moco`. Default: the first that is named.
        margin: the smallest difference worth telling, as a fraction: smaller ones are called none. For accuracies, the
            difference itself.
        latex: "column": summary.tex has one table that fits a column of a paper. "page": it has every table but those
            that the page folds, as wide as the page.
        light: whether the page is small, with static figures, such as for e-mail.
    """

    baseline: str | None = None
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    latex: Literal["column", "page"] = "column"
    light: bool = False


class Experiment(Section):
    """The settings of one `bench.run`: methods and seeds on one data set, under one protocol.

    Attributes:
        methods: variants, such as `mmd[prior=sphere]`. An empty list stands for all methods.
        dataset: name of the data set.
        seeds: trials per variant.
        defaults: of this data set, where others than those of the methods were found for it: a method, or a method
            and its prior, -> hyperparameter or learning_rate -> value.
    """

    methods: list[str] = []
    dataset: str = "digits"
    seeds: Annotated[int, Field(gt=0, le=10_000)] = 3
    defaults: dict[str, dict[str, bool | int | float | str]] = {}
    preprocessing: Preprocessing = Preprocessing()
    network: Network = Network()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search = Search()
    report: Report = Report()
