"""Where the code of a trial is: the file and the definition of its method, and of all else that plug-ins gave it."""

import sys
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from bench.errors import UserError, reason, short
from bench.experiment.source_code import code_sha256, module_hashes
from bench.experiment.source_files import WHOLE_FILE
from bench.experiment.specification import CodeSource, MethodSource, TrialSpec
from bench.paths import ROOT
from methods import METHODS

AnySource = TypeVar("AnySource", bound=CodeSource)


class Origin(NamedTuple):
    """A file, and the name of a definition in it, or WHOLE_FILE."""

    file: Path
    definition: str


ORIGINS: dict[tuple[str, str], Origin] = {}  # kind, name -> what a plug-in has registered, methods left out


def source_of(spec: TrialSpec) -> MethodSource:
    """Return where the code of a trial is defined, and its hashes. Paths are relative if they are inside the project.

    Raises:
        UserError: a path has characters that spec.json does not allow, or is too long; or a file cannot be read.
    """
    method = METHODS[spec.method]
    file = Path(str(sys.modules[method.__module__].__file__))
    origin = Origin(file, method.__qualname__ if method.__qualname__.isidentifier() else WHOLE_FILE)
    source = _source(MethodSource, f"method {spec.method}", origin)
    plugins = {f"{kind} {name}": ORIGINS[kind, name] for kind, name in parts(spec) if (kind, name) in ORIGINS}
    return source.model_copy(update={"plugins": {each: _source(CodeSource, each, plugins[each]) for each in plugins}})


def parts(spec: TrialSpec) -> list[tuple[str, str]]:
    """Return the kind and name of everything but the method that a trial uses and that a plug-in may define."""
    dataset = [("data set", spec.dataset.name)] if spec.dataset else []
    return [
        ("network", spec.network.name),
        ("prior", spec.prior),
        *dataset,
        ("optimiser", spec.training.optimiser),
        ("extractor", spec.evaluation.extractor),
        *(("metric", name) for name in spec.evaluation.metrics),
    ]


def _source(kind: type[AnySource], what: str, origin: Origin) -> AnySource:
    file, definition = origin
    path = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    shared = issubclass(kind, MethodSource)
    try:
        sha256, modules = code_sha256(file, definition, shared), module_hashes(file, definition, shared)
        return kind(file=str(path), name=definition, sha256=sha256, modules=modules)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].lower()
        raise UserError(f"the path of the {what} cannot be recorded ({problem}); move {short(str(file))}") from None
    except (OSError, SyntaxError) as error:
        raise UserError(f"the source of the {what} cannot be read: {reason(error)}") from None
