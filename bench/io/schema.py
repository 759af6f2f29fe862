"""Types of the values in stored documents, and reading and writing a document as a model.

One set of types serves readers and writers. Names are restricted, so that none can be a path, markup (HTML, LaTeX,
Markdown) or a terminal escape. Text that arises late, such as an exception's message, is cut and escaped instead of
refused. Free text is escaped where it is shown.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Annotated, TypeGuard, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from bench.errors import RunError, UserError, cut, escape_surrogates, one_line, short
from bench.io.files import Folder
from bench.io.limits import max_bytes
from bench.io.untrusted import Malformed, parse_json

MAX_NAME = 100
MAX_NOTE = 1000  # characters of one line of free text
MAX_TEXT = 10_000  # characters of any other free text
MAX_HOST = 100
MAX_PATH = 4096  # of Linux
MAX_VALUE = 500
MARKUP = "`<>&\\"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


def _plain(value: float | str | None) -> float | str | None:
    """Refuse values that a JSON reader changes, that overflow in statistics, or that could be markup."""
    if isinstance(value, str):
        if not value.isprintable() or set(value) & set(MARKUP) or len(value) > MAX_VALUE:
            characters = "control characters, unusual spaces and " + " ".join(MARKUP)
            raise ValueError(f"a text has at most {MAX_VALUE} characters, without {characters}")
    elif isinstance(value, int):
        if not abs(value) < 2**53:
            raise ValueError("a whole number must lie between -2^53 and 2^53")
    elif isinstance(value, float) and not abs(value) <= 1e300:
        raise ValueError("a number must lie between -1e300 and 1e300")
    return value


def shortened(most: int) -> Callable[[object], object]:
    """Return a function that makes a text one line of at most `most` characters. What is no text stays as it is."""
    return lambda text: cut(one_line(text), most) if isinstance(text, str) else text


def _text(text: object) -> object:
    return cut(escape_surrogates(text), MAX_TEXT) if isinstance(text, str) else text


NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of methods, and of all else that appears in file names and tables
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}$", max_length=MAX_NAME)]
Label = Annotated[str, StringConstraints(pattern=r"^\w[^`<>&\\]*$", max_length=500), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_printable)]
Hash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
Whole = Annotated[int, Field(ge=0, lt=2**53)]  # a whole number that every JSON reader keeps exact
Value = Annotated[bool | int | float | str | None, AfterValidator(_plain)]
Note = Annotated[str, BeforeValidator(shortened(MAX_NOTE))]  # one line of free text, cut and escaped to fit
Host = Annotated[str, BeforeValidator(shortened(MAX_HOST))]
Text = Annotated[str, BeforeValidator(_text)]  # free text of any number of lines, likewise
Location = Annotated[str, StringConstraints(max_length=MAX_PATH)]  # a path; pydantic refuses what is not UTF-8

Model = TypeVar("Model", bound=BaseModel)


class StrictModel(BaseModel):
    """A stored document or a part of one: typed, and immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def validate(value: object, model: type[Model], origin: object) -> Model:
    """Validate a stored document against `model`.

    Unknown keys are ignored at every depth, because a newer version may have written them. Missing keys take the
    defaults of the model, because an older version may have written the document.

    Args:
        value: the parsed JSON or YAML.
        model: the type that the document must have.
        origin: the source that an error names, such as a path.

    Raises:
        Malformed: the document does not fit the model; the message names the first difference.
    """
    try:
        return model.model_validate(_known(value, model))
    except ValidationError as error:
        raise Malformed(origin, f"is not what bench.run writes: {first_difference(error)}; remove it") from None


def first_difference(error: ValidationError) -> str:
    """Return the first error as 'key = value: what is wrong', on one line."""
    first = error.errors(include_url=False)[0]
    key = one_line(".".join(str(part) for part in first["loc"]))[:80]
    problem = first["msg"].lower().removeprefix("value error, ")[:160]
    return f"{key + ' ' if key else ''}= {short(first['input'])[:80]}: {problem}"


def refuse_unstorable_path(path: PurePath) -> None:
    """Refuse a path that no document can hold.

    Raises:
        UserError: it is longer than MAX_PATH, or not UTF-8.
    """
    try:
        TypeAdapter(Location).validate_python(str(path))
    except ValidationError as error:
        problem = f"longer than {MAX_PATH:,} characters" if "too_long" in error.errors()[0]["type"] else "not UTF-8"
        raise UserError(f"the path {short(str(path))} is {problem}; rename or move it") from None


def dump(document: BaseModel, origin: PurePath | object) -> bytes:
    """Return the JSON of a document. It is read back, so nothing is written that a reader refuses.

    Args:
        document: the document.
        origin: the file that an error names.

    Raises:
        RunError: a value does not fit its type, or the document is too large.
    """
    data = json.dumps(document.model_dump(), indent=2).encode()
    try:
        validate(parse_json(data, origin, max_bytes(PurePath(str(origin)))), type(document), origin)
    except Malformed as error:
        raise RunError(f"cannot write {origin}, because no reader would accept it: {error}") from None
    return data


def write(folder: Folder, name: str, document: BaseModel) -> None:
    """Write a document to a folder.

    Raises:
        RunError: see `dump`; or the file cannot be written.
    """
    folder.write(name, dump(document, folder.place / name))


def _known(value: object, annotation: object) -> object:
    """Return `value` without keys that models do not have; `annotation` is its type, which may contain models."""
    arguments = get_args(annotation)
    if isinstance(value, Mapping):
        if get_origin(annotation) is dict:
            return {key: _known(item, arguments[1]) for key, item in value.items()}
        model = next((kind for kind in (annotation, *arguments) if _is_model(kind)), None)
        fields = model.model_fields if model else dict.fromkeys(value)
        types = {key: field.annotation if field else None for key, field in fields.items()}
        return {key: _known(item, types[key]) for key, item in value.items() if key in types}
    if isinstance(value, list) and get_origin(annotation) is list:
        return [_known(item, arguments[0]) for item in value]
    return value


def _is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
