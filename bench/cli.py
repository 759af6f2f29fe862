"""What all commands share: mistakes end in one line on standard error, and the options that name images."""

import math
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from bench.errors import UserError, one_line, unknown
from bench.metrics.columns import EXTRACTORS

INTERRUPTED = 130  # as shells say it
PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}


class Command(TyperCommand):
    """A command whose users never see a traceback for a mistake of theirs."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._refuse_empty([*(args[0] if args else kwargs.get("args") or sys.argv[1:])])
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except UserError as error:
            self._end(str(error), error.exit_code)
        except (typer.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        except OSError as error:  # of the machine, whatever it is: a path too long, a disk that fails
            self._end(f"cannot use {error.filename or 'a file'}: {error.strerror or error}", 1)
        except Exception as error:
            # click's own, whatever package it comes in: typer has one inside since 0.20
            message = getattr(error, "format_message", None)
            if message is None:
                raise
            self._end(f"{message().splitlines()[0].rstrip('.')}; --help lists the options", 2)
        if code == INTERRUPTED:  # typer itself catches Ctrl-C in some versions
            print("\ninterrupted; the same command goes on from what is done", file=sys.stderr)
        sys.exit(code if isinstance(code, int) else 0)

    def _refuse_empty(self, arguments: list[str]) -> None:
        """Empty values, as of a shell variable that is not set: a path would silently be the working folder."""
        for before, argument in zip(["an argument", *arguments], arguments, strict=False):
            if argument == "" or (argument.startswith("--") and argument.endswith("=")):
                self._end(f"{argument.rstrip('=') or before} is empty; is a variable not set?", 2)

    @staticmethod
    def _end(message: str, code: int) -> NoReturn:
        print(f"error: {one_line(message)}", file=sys.stderr)
        sys.exit(code)


def finite(value: float | None) -> float | None:
    """For options that take a number: NaN and infinity pass typer's limits."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


DataRoot = Annotated[
    Path | None, typer.Option(help="Where data sets are, or are downloaded to (default data); of folder, the tree.")
]
PreparedRoot = Annotated[
    Path | None,
    typer.Option(
        "--prepared", help="Where decoded images are kept; default <data root>/prepared; of folder, data/prepared."
    ),
]
ImageSize = Annotated[int | None, typer.Option(min=1, help="Side of the images in pixels; folder has no default.")]
Crop = Annotated[int | None, typer.Option(min=1, help="First cut a square of this side out of the centre.")]
Grey = Annotated[bool | None, typer.Option("--grey/--colour", help="Make images grey, or expect colour.")]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out, count and list images that cannot be used.")
]

Extractor = Annotated[
    str | None, typer.Option(help="auto, inception (FID), classifier, rotation, or a stored extractor.pt.")
]
InceptionWeights = Annotated[
    Path | None, typer.Option(help="pytorch-fid's file of weights, where it cannot be downloaded.")
]
Sampler = Annotated[str, typer.Option(help="prior, or gmm: a mixture fitted to the codes of training images.")]
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", help="A Python file with METHODS of its own; it is run.")
]
Device = Annotated[str | None, typer.Option(help="Such as cpu or cuda:1; default a GPU, if there is one.")]


def extractor(asked: str | None) -> tuple[str | None, Path | None]:
    """--extractor as a name, or as the path of a stored one."""
    if asked in (None, "auto", *EXTRACTORS):
        return asked, None
    path = Path(asked)
    if not path.exists() and path.suffix != ".pt":
        raise unknown("extractor", asked, ["auto", *EXTRACTORS])
    return None, path


def preprocessing(image_size: int | None, crop: int | None, grey: bool | None) -> dict[str, int]:
    """The overrides of the section `preprocessing` that the options ask for."""
    channels = None if grey is None else 1 if grey else 3
    asked = {"image_size": image_size, "crop": crop, "channels": channels}
    return {key: value for key, value in asked.items() if value is not None}


def roots(dataset: str, data_root: Path | None, prepared: Path | None) -> tuple[Path, Path]:
    """The data root and the folder of prepared sets, absolute. A tree of the user's own is not written into."""
    if dataset == "folder" and data_root is None:
        raise UserError("--dataset folder needs --data-root DIR, a tree of images")
    root = (data_root or Path("data")).resolve()
    inside = Path("data").resolve() if dataset == "folder" else root
    return root, (prepared or inside / "prepared").resolve()
