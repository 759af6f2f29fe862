"""Types of the fields of JSON and YAML documents, and validation of a document."""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bench.errors import short
from bench.io.untrusted import Malformed


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of methods, and of everything else that becomes part of file names and tables
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}$", max_length=100)]
Label = Annotated[str, StringConstraints(pattern=r"^\w[^`<>&\\]*$", max_length=500), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_printable)]
Hash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
Whole = Annotated[int, Field(ge=0, lt=2**53)]
Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Value = bool | Annotated[int, Field(gt=-(2**53), lt=2**53)] | Number | Label | None


class StrictModel(BaseModel):
    """A document. The types of its fields are strict; additional fields are allowed, because versions differ."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


M = TypeVar("M", bound=StrictModel)


def validate(value: Any, model: type[M], origin: object) -> M:
    """Validate a document that bench.run wrote.

    Args:
        value: the parsed document.
        model: its type.
        origin: the file, for error messages.

    Raises:
        Malformed: `value` does not match `model`; the message names the first difference.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:80]
        difference = f"{field + ' ' if field else ''}= {short(first['input'])[:80]}: {first['msg'].lower()[:120]}"
        raise Malformed(origin, f"is not what bench.run writes: {difference}; remove it") from None
