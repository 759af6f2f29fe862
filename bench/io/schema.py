"""Types of the values in stored documents, and the validation of a document against a model.

Names are restricted, so that none can be a path, markup (HTML, LaTeX, Markdown) or a terminal escape. Free text, such
as reasons and commands, is escaped where it is shown.
"""

from collections.abc import Mapping
from typing import Annotated, TypeGuard, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bench.errors import short
from bench.io.untrusted import Malformed


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of methods, and of all else that appears in file names and tables
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}$", max_length=100)]
Label = Annotated[str, StringConstraints(pattern=r"^\w[^`<>&\\]*$", max_length=500), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_printable)]
Hash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
Whole = Annotated[int, Field(ge=0, lt=2**53)]  # a whole number that every JSON reader keeps exact
Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Value = bool | Annotated[int, Field(gt=-(2**53), lt=2**53)] | Number | Label | None

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
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])[:80]
        difference = f"{key + ' ' if key else ''}= {short(first['input'])[:80]}: {first['msg'].lower()[:120]}"
        raise Malformed(origin, f"is not what bench.run writes: {difference}; remove it") from None


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
